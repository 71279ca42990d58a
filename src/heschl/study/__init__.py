"""Studies: the one place where models meet brain datasets and become scores."""

from __future__ import annotations

from heschl.study.differences import compare
from heschl.study.metrics import METRICS, analyses, find_protocol, profiles_are_extra
from heschl.study.names import list_datasets, list_models, list_protocols, run_name
from heschl.study.scoring import score

__all__ = [
    "METRICS",
    "analyses",
    "compare",
    "find_protocol",
    "list_datasets",
    "list_models",
    "list_protocols",
    "profiles_are_extra",
    "run_name",
    "score",
]
