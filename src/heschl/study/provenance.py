"""What a score was computed from."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl import results
from heschl.activations import Activations
from heschl.brain import BrainDataset
from heschl.encode.ceilings import one_repetition
from heschl.study.metrics import Protocol
from heschl.study.parts import listeners_of
from heschl.study.uncertainty import Uncertainty


def provenance(
    activations: Activations,
    data: BrainDataset,
    metric: str,
    protocol: Protocol,
    uncertainty: Uncertainty,
) -> dict[str, Any]:
    """Everything the numbers depend on, JSON-ready; no times, names of machines or paths."""
    sounds = hashlib.sha256("".join(facts.digest for facts in data.sounds.facts).encode())
    content = dataclasses.asdict(protocol)
    del content["summary"]
    return {
        "environment": results.environment(),
        "metric": metric,
        "protocol": {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in content.items()
        },
        "uncertainty": uncertainty.record(len(data.sounds), len(set(listeners_of(data)))),
        "model": {
            key: activations.provenance[key]
            for key in ("model", "identity", "sample_rate", "level", "layers", "pooling")
        },
        "activations": activations.provenance["activations"],
        "resampler": activations.provenance["resampler"],
        "dataset": {
            "name": data.name,
            "kind": data.kind,
            "citation": data.citation,
            "source": dict(data.source),
            "n_sounds": len(data.sounds),
            "n_targets": data.n_targets,
            "n_repeats": data.n_repeats,
            "ceiling": _ceiling(data),
            "sounds_sha256": sounds.hexdigest(),
            "responses_sha256": _array_sha256(data.responses),
            "folds_sha256": _array_sha256(data.folds.astype(np.int64)),
        },
    }


def _ceiling(data: BrainDataset) -> str:
    """Say where the ceilings of regression come from, or why there are none."""
    if data.ceiling is not None:
        return "known: the responses are simulated"
    if data.n_repeats < 2:
        return f"none: {one_repetition()}"
    return f"estimated: reliability of the mean over {data.n_repeats} repetitions"


def _array_sha256(array: NDArray[Any]) -> str:
    content = hashlib.sha256(str(array.shape).encode())
    # a view where it is contiguous already: responses can be large
    content.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
    return content.hexdigest()
