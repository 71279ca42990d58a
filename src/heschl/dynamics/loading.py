"""From a checkpoint to a model that can be run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from heschl import store
from heschl.dynamics.checkpoints import Checkpoint
from heschl.errors import InputError, UsageError
from heschl.models import AudioModel, load_model
from heschl.models.weights import convert
from heschl.pickles.records import ForeignNameError
from heschl.registry import unknown_name

#: A user's own: takes the path of a checkpoint, returns a module or an `AudioModel`.
Load = Callable[[Path], Any]


def check_architecture(as_model: str | None, load: Load | None) -> None:
    """Refuse, before anything is brought, an architecture that does not exist.

    Raises
    ------
    UnknownNameError
        If there is no such model.
    UsageError
        If it has no weights, or both ways of loading are given.
    """
    if as_model is None:
        return
    from heschl.models import MODELS

    if load is not None:
        raise UsageError(f"as_model={as_model!r} and a function that loads; expected one of them")
    if as_model not in MODELS:
        raise unknown_name("model", as_model, MODELS)
    if MODELS[as_model].weights is None:
        raise UsageError(
            f"{as_model} has no weights: nothing of it is learned; expected the model whose "
            "architecture the checkpoints have"
        )


def load_checkpoint(
    checkpoint: Checkpoint, *, as_model: str | None, load: Load | None, device: str | None
) -> AudioModel:
    """Return the model of a checkpoint.

    One that holds other objects beside its tensors, as Lightning leaves them, is converted for it;
    nothing of it is run.

    Parameters
    ----------
    checkpoint : Checkpoint
        On this machine.
    as_model : str or None
        Name of a model of 'heschl list', whose architecture it has.
    load : function or None
        Makes the model of the path; by default `heschl.load_model` does.
    device : str or None
        Where it is to run.

    Raises
    ------
    HeschlError
        If it cannot be loaded; see `heschl.load_model`.
    """
    if checkpoint.path is None:
        return load_model(str(checkpoint.reference), device=device)
    if load is not None:
        return load_model(load(checkpoint.path), device=device)
    path = _weights_of(checkpoint.path) if as_model is not None else checkpoint.path
    try:
        return _load(path, as_model, device)
    except InputError as error:
        if not isinstance(error.__cause__, ForeignNameError):
            raise
    root = store.make_folder(store.home() / "scratch")
    # the weights stay mapped: where a mapped file cannot be removed, it is left to the next time
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as folder:
        return _load(_converted(path, Path(folder)), as_model, device)


def _load(path: Path, as_model: str | None, device: str | None) -> AudioModel:
    reference = str(path) if as_model is None else f"{as_model}@file:{path}"
    return load_model(reference, device=device)


def _converted(path: Path, folder: Path) -> Path:
    """Convert the weights of a training's checkpoint, the optimiser's moments left out."""
    target = folder / f"{path.stem}.safetensors"
    try:
        return convert(path, target, keep=("state_dict",))
    except InputError:  # the weights alone, or under another name
        return convert(path, target)


def _weights_of(path: Path) -> Path:
    """Return the file of weights in the folder of a checkpoint that heschl wrote, or the path."""
    inside = path / "model.pt"
    return inside if inside.is_file() else path
