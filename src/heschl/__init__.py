"""How brain-like an audio model is, how good it is at hearing, and how the two go together."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from heschl._version import __version__

if TYPE_CHECKING:
    from heschl.activations import Activations, extract
    from heschl.brain import BrainDataset, load_dataset
    from heschl.errors import HeschlError
    from heschl.models import AudioModel, load_model, wrap
    from heschl.results import Results
    from heschl.sounds import Clip, Sounds
    from heschl.studies import add_results, plan_study, read_study, run_study
    from heschl.study import (
        compare,
        list_datasets,
        list_models,
        list_protocols,
        list_tasks,
        probe,
        score,
    )
    from heschl.tasks import Task, load_task

_HOMES = {
    "Activations": "heschl.activations",
    "AudioModel": "heschl.models",
    "BrainDataset": "heschl.brain",
    "Clip": "heschl.sounds",
    "HeschlError": "heschl.errors",
    "Results": "heschl.results",
    "Sounds": "heschl.sounds",
    "Task": "heschl.tasks",
    "add_results": "heschl.studies",
    "compare": "heschl.study",
    "extract": "heschl.activations",
    "list_datasets": "heschl.study",
    "list_models": "heschl.study",
    "list_protocols": "heschl.study",
    "list_tasks": "heschl.study",
    "load_dataset": "heschl.brain",
    "load_model": "heschl.models",
    "load_task": "heschl.tasks",
    "plan_study": "heschl.studies",
    "probe": "heschl.study",
    "read_study": "heschl.studies",
    "run_study": "heschl.studies",
    "score": "heschl.study",
    "wrap": "heschl.models",
}

__all__ = [
    "Activations",
    "AudioModel",
    "BrainDataset",
    "Clip",
    "HeschlError",
    "Results",
    "Sounds",
    "Task",
    "__version__",
    "add_results",
    "compare",
    "extract",
    "list_datasets",
    "list_models",
    "list_protocols",
    "list_tasks",
    "load_dataset",
    "load_model",
    "load_task",
    "plan_study",
    "probe",
    "read_study",
    "run_study",
    "score",
    "wrap",
]


def __getattr__(name: str) -> Any:
    """Import public names when they are first used: ``import heschl`` stays light."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'heschl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
