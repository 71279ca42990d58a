"""Studies: the one place where models meet brain datasets and tasks and become scores."""

from __future__ import annotations

from heschl.study.differences import compare
from heschl.study.metrics import METRICS, analyses, find_protocol, profiles_are_extra
from heschl.study.names import (
    list_datasets,
    list_models,
    list_protocols,
    list_tasks,
    run_name,
)
from heschl.study.probing import probe
from heschl.study.scoring import score

__all__ = [
    "METRICS",
    "analyses",
    "compare",
    "find_protocol",
    "list_datasets",
    "list_models",
    "list_protocols",
    "list_tasks",
    "probe",
    "profiles_are_extra",
    "run_name",
    "score",
]
