"""What of the results is shown: which scores belong together, and which targets are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.results import Detail, Results

#: The metric of scores on hearing tasks; all others compare with brains.
PROBE = "probe"
#: Up to this many targets, each is drawn by itself; more are summarised.
FEW = 12
#: Largest number of panels of a figure.
MAX_PANELS = 24

_KINDS = {"voxels": "voxel", "components": "component", "electrodes": "electrode"}


@dataclass(frozen=True)
class Analysis:
    """The models that were compared with one dataset in one way.

    Attributes
    ----------
    dataset, metric, protocol : str
    details : tuple of Detail
        One for each model.
    """

    dataset: str
    metric: str
    protocol: str
    details: tuple[Detail, ...]

    @property
    def few(self) -> bool:
        """Whether each target can be drawn by itself."""
        return all(len(detail.targets) <= FEW for detail in self.details)


def analyses(results: Results) -> tuple[Analysis, ...]:
    """Group the details by dataset, metric and protocol, in order of appearance."""
    groups: dict[tuple[str, str, str], list[Detail]] = {}
    for one in results.details:
        groups.setdefault((one.dataset, one.metric, one.protocol), []).append(one)
    return tuple(Analysis(*key, tuple(group)) for key, group in groups.items())


def model_names(results: Results) -> tuple[str, ...]:
    """Names of all models, in order of appearance."""
    return tuple(dict.fromkeys(str(name) for name in results.scores["model"]))


def compares_brains(results: Results) -> bool:
    """Whether any score compares a model with brains."""
    return bool((results.scores["metric"] != PROBE).any())


def tests_hearing(results: Results) -> bool:
    """Whether any score is that of a hearing task."""
    return bool((results.scores["metric"] == PROBE).any())


def categories(detail: Detail) -> tuple[str, ...]:
    """Names of the categories of the sounds in alphabetical order; "" where there is none."""
    return tuple(sorted(set(sound_column(detail, "category"))))


def sound_column(detail: Detail, column: str) -> list[str]:
    """Return a column of the table of sounds as text, "" where it is missing."""
    return _column(detail.sounds, column)


def target_column(detail: Detail, column: str) -> list[str]:
    """Return a column of the table of targets as text, "" where it is missing."""
    return _column(detail.targets, column)


def _column(table: pd.DataFrame, column: str) -> list[str]:
    if column not in table:
        return [""] * len(table)
    return ["" if pd.isna(value) else str(value) for value in table[column]]


def target_names(detail: Detail) -> list[str]:
    """Names of the targets."""
    return [str(name) for name in detail.targets["target"]]


def target_label(detail: Detail, target: int) -> str:
    """Return the name of a target, after its listener's where that is known."""
    row = detail.targets.iloc[[target]]
    (name,), (listener,) = _column(row, "target"), _column(row, "listener")
    return f"{listener} · {name}" if listener else name


def members(detail: Detail, column: str) -> dict[str, NDArray[np.intp]]:
    """Return the indices of the targets of each listener or region; empty if not known."""
    labels = np.array(target_column(detail, column))
    return {name: np.flatnonzero(labels == name) for name in dict.fromkeys(labels.tolist()) if name}


def listener_medians(detail: Detail) -> list[float]:
    """Median r2 over the targets of each listener, left-out targets apart."""
    return [median(detail.r2[where]) for where in members(detail, "listener").values()]


def median(values: NDArray[np.float64]) -> float:
    """Median of what is there; nan if nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def mean(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Mean of what is there; nan if nothing is."""
    array = np.asarray(values, np.float64)
    known = array[np.isfinite(array)]
    return float(known.mean()) if known.size else float("nan")


def rows_of(results: Results, detail: Detail, scope: str) -> pd.DataFrame:
    """Return the r2 rows of a scope that belong to a detail."""
    table = results.scores
    chosen = (table["scope"] == scope) & (table["unit"] == "r2")
    if scope != "target":
        chosen &= table["region"].isna()
    for column in ("model", "dataset", "metric", "protocol", "provenance"):
        chosen &= table[column] == getattr(detail, column)
    return table[chosen]


def dataset_row(results: Results, detail: Detail) -> dict[str, float] | None:
    """Return value, standard error and ceiling of the r2 of a whole dataset; None if not there."""
    rows = rows_of(results, detail, "dataset")
    if rows.empty:
        return None
    return {name: float(rows[name].iloc[0]) for name in ("value", "stderr", "ceiling")}


def ceilings(results: Results, detail: Detail) -> NDArray[np.float64]:
    """Ceiling of the r2 of each target, (n_targets,); nan where it is not known."""
    rows = rows_of(results, detail, "target")
    known = dict(zip(rows["target"].astype(str), rows["ceiling"], strict=True))
    return np.array([known.get(name, np.nan) for name in target_names(detail)], np.float64)


def noun(results: Results, detail: Detail) -> str:
    """Return what a target is: voxel, component, electrode; "target" if the record is silent."""
    record = results.provenance.get(detail.provenance, {})
    dataset = record.get("dataset")
    kind = dataset.get("kind") if isinstance(dataset, dict) else record.get("kind")
    return _KINDS.get(str(kind), "target")


def shown_targets(detail: Detail) -> list[int]:
    """Return the targets whose predictions are shown.

    All of up to `FEW` targets; of more, the best predicted one of each listener; where listeners
    are not known, the `FEW` best ones. Targets without a score are left out, and at most
    `MAX_PANELS` are returned.
    """
    scored = np.flatnonzero(np.isfinite(detail.r2))
    if len(detail.targets) <= FEW:
        return [int(i) for i in scored]
    listeners = members(detail, "listener")
    if listeners:
        return list(_best_of_each(detail, listeners.values()))[:MAX_PANELS]
    order = scored[np.argsort(-detail.r2[scored], kind="stable")]
    return [int(i) for i in order[:FEW]]


def _best_of_each(detail: Detail, groups: Iterable[NDArray[np.intp]]) -> Iterator[int]:
    for where in groups:
        known = where[np.isfinite(detail.r2[where])]
        if known.size:
            yield int(known[np.argmax(detail.r2[known])])
