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
from heschl.study.probing import probe, probe_activations
from heschl.study.scoring import check_score, score, score_activations

__all__ = [
    "METRICS",
    "analyses",
    "check_score",
    "compare",
    "find_protocol",
    "list_datasets",
    "list_models",
    "list_protocols",
    "list_tasks",
    "probe",
    "probe_activations",
    "profiles_are_extra",
    "run_name",
    "score",
    "score_activations",
]
