"""What there is to be scored, and what a run is called."""

from __future__ import annotations

from heschl import probes, store
from heschl.brain import DATASETS
from heschl.errors import UsageError
from heschl.models import MODELS
from heschl.results import Results
from heschl.study.metrics import METRICS
from heschl.tasks import TASKS


def list_models() -> list[str]:
    """Names of all models."""
    return list(MODELS)


def list_datasets() -> list[str]:
    """Names of all datasets."""
    return list(DATASETS)


def list_tasks() -> list[str]:
    """Names of all hearing tasks."""
    return list(TASKS)


def list_protocols() -> list[str]:
    """Names of all protocols, of whatever metric."""
    every = [name for protocols in METRICS.values() for name in protocols]
    return list(dict.fromkeys([*every, *probes.PROTOCOLS]))


def run_name(result: Results) -> str:
    """Return a folder name for a run: what was scored first, and the start of its provenance.

    Raises
    ------
    UsageError
        If the results are empty.
    """
    if result.scores.empty:
        raise UsageError("results without scores have no name; expected at least one score")
    first = result.scores.iloc[0]
    key = store.content_key({"provenance": sorted(result.provenance)})[:8]
    parts = [first["model"], first["dataset"], first["protocol"], key]
    return "_".join("".join(c if c.isalnum() or c in "-." else "-" for c in part) for part in parts)
