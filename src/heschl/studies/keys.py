"""What a step's result depends on, known without computing it: what is unchanged is not done again.

A published model is known by the hashes of its weights as they were installed, its random control
by its seed; any other model is loaded and known by what it does to two fixed waveforms.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from heschl import probes, results, store
from heschl.models import MODELS, AudioModel
from heschl.models.references import Reference, parse
from heschl.studies.data import Data
from heschl.studies.description import Description
from heschl.studies.steps import Step
from heschl.study import find_protocol

#: Raise it when results of the same description would differ.
VERSION = 1
_PACKAGES = ("torch", "transformers", "scikit-learn", "soxr", "soundfile")


def step_key(step: Step, said: Description, data: Data, load: Callable[[], AudioModel]) -> str:
    """Return the key of a step's result: 16 hexadecimal digits.

    Parameters
    ----------
    step : Step
    said : Description
    data : Data
    load : function
        Returns the model of the step; called only if it is not known by its name and hashes.

    Raises
    ------
    HeschlError
        If the model or the data cannot be had.
    """
    protocol = (
        probes.PROTOCOLS[step.protocol]
        if step.probes
        else find_protocol(step.metric, step.protocol)
    )
    return store.content_key(
        {
            "version": VERSION,
            "environment": versions(),
            "model": model_key(step.model, load),
            "data": data.key(step),
            "metric": step.metric,
            "protocol": _plain(dataclasses.asdict(protocol)),
            "seed": step.seed,
            "bootstrap": said.bootstrap,
            "permutations": 0 if step.probes else said.permutations,
            "layer_profiles": said.layer_profiles and not step.probes,
        }
    )[:16]


def model_key(name: str, load: Callable[[], AudioModel]) -> dict[str, Any]:
    """Return what determines the activations of a model, JSON-ready."""
    reference = parse(name)
    if reference.kind == "zoo" and reference.file is None:
        spec = MODELS[reference.target]
        if spec.weights is None or reference.control == "random":
            return {"name": reference.name}
        kept = _installed(reference)
        if kept is not None:
            return {"name": reference.name, "weights": kept}
    model = load()
    return {"name": model.name, "identity": dict(model.identity())}


def _installed(reference: Reference) -> dict[str, str] | None:
    """Return the hashes of the weights that are installed; None if they are not all there."""
    from heschl.models import weights
    from heschl.models.weights.receipt import read_receipt

    folder = weights.installed(MODELS[reference.target])
    receipt = None if folder is None else read_receipt(folder)
    if receipt is None:
        return None
    return {path: kept.sha256 for path, kept in receipt.files.items()}


def versions() -> dict[str, str]:
    """Return the versions of everything that results of studies depend on."""
    found = results.environment()
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    """Return content as JSON would give it back."""
    return {
        key: list(value)
        if isinstance(value, tuple)
        else str(value)
        if isinstance(value, Path)
        else value
        for key, value in content.items()
        if key != "summary"
    }
