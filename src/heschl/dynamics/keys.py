"""What the rows of a checkpoint depend on: what is unchanged is not measured again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from heschl import results, store
from heschl.brain import BrainDataset
from heschl.dynamics.checkpoints import IN_FOLDERS, Checkpoint
from heschl.errors import InputError
from heschl.fetch import pinned
from heschl.models.weights.places import pins

#: Raise it when rows of the same description would differ.
VERSION = 1

#: Endings of files in the folder of a checkpoint that may belong to the model.
_OF_MODELS = (".json", ".safetensors", ".bin", ".pt", ".yaml", ".gin", ".py")
#: What trainers keep beside it, which changes nothing of it.
_OF_TRAINERS = ("optimizer", "scheduler", "scaler", "rng_state", "trainer_state", "training_args")


def settings_key(settings: Mapping[str, Any]) -> str:
    """Return the key of rows, 16 hexadecimal digits, from all that they depend on (JSON-ready)."""
    versions = {"version": VERSION, "environment": results.environment()}
    return store.content_key(versions | dict(settings))[:16]


def weights_key(checkpoint: Checkpoint) -> str | None:
    """Return the hash of a checkpoint's files; of one of the hub, that pinned when it came.

    None where it is not known without loading the model, or bringing the file.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    if checkpoint.remote is not None:
        return pinned(pins(), checkpoint.remote.origin)
    if checkpoint.path is None:
        return None
    return hash_of(checkpoint.path)


def hash_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and hashes of a folder's files that belong to a model.

    Raises
    ------
    InputError
        If one cannot be read.
    """
    try:
        if path.is_file():
            return store.file_sha256(path)
        content = hashlib.sha256()
        for file in sorted(path.iterdir()):
            of_model = file.name in IN_FOLDERS or file.suffix in _OF_MODELS
            if file.is_file() and of_model and not file.name.startswith(_OF_TRAINERS):
                content.update(f"{file.name}:{store.file_sha256(file)};".encode())
        return content.hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); expected a checkpoint"
        ) from error


def describe(data: BrainDataset) -> dict[str, Any]:
    """Return what a dataset is and what determines its numbers, JSON-ready."""
    content = hashlib.sha256(str(data.responses.shape).encode())
    for array in (data.responses, data.folds.astype(np.int64), data.ceiling):
        if array is not None:
            content.update(np.ascontiguousarray(array).tobytes())
    content.update(data.targets.to_csv(index=False).encode())
    sounds = hashlib.sha256("".join(facts.digest for facts in data.sounds.facts).encode())
    return {
        "name": data.name,
        "kind": data.kind,
        "n_sounds": len(data.sounds),
        "n_targets": data.n_targets,
        "duration": data.sounds.duration,
        "citation": data.citation,
        "sounds_sha256": sounds.hexdigest(),
        "responses_sha256": content.hexdigest(),
    }
