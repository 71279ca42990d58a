"""What of the results of hearing tasks is shown: which scores belong together, and chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.report import selection
from heschl.report.task_numbers import chance
from heschl.results import ProbeDetail, Results

FloatArray = NDArray[np.float64]

#: How the units of tasks are written, in the order of the table's columns.
UNITS = {"accuracy": "accuracy", "mAP": "mAP", "d_prime": "d′", "auc": "AUC"}


@dataclass(frozen=True)
class TaskScore:
    """The official score of one model on one task.

    Attributes
    ----------
    model, provenance : str
    value, low, high : float
        With the ends of the interval; nan if missing.
    n_clips : int
        Tested ones.
    folds : ndarray, shape (n_folds,)
        The score of each fold; empty without folds.
    chance : float
        nan if it cannot be known.
    detail : ProbeDetail or None
    """

    model: str
    provenance: str
    value: float
    low: float
    high: float
    n_clips: int
    folds: FloatArray = field(repr=False)
    chance: float = float("nan")
    detail: ProbeDetail | None = field(default=None, repr=False)


@dataclass(frozen=True)
class TaskGroup:
    """The models that were tested on one task in one way.

    Attributes
    ----------
    task, protocol : str
    unit : str
        Of the official score.
    scores : tuple of TaskScore
        One for each model.
    """

    task: str
    protocol: str
    unit: str
    scores: tuple[TaskScore, ...]

    @property
    def known(self) -> bool:
        """Whether any model has a score."""
        return any(np.isfinite(score.value) for score in self.scores)

    @property
    def ranked(self) -> tuple[TaskScore, ...]:
        """The highest score first; missing ones last."""
        return tuple(sorted(self.scores, key=lambda s: -np.nan_to_num(s.value, nan=-np.inf)))


def task_groups(results: Results) -> tuple[TaskGroup, ...]:
    """Group the scores of tasks by task and protocol, in order of appearance.

    Results that were merged with themselves are counted once.
    """
    rows = results.scores[results.scores["metric"] == selection.PROBE].drop_duplicates()
    details = {_key(one): one for one in results.probes}
    found = []
    for task, protocol in dict.fromkeys(
        rows[["dataset", "protocol"]].itertuples(index=False, name=None)
    ):
        mine = rows[(rows["dataset"] == task) & (rows["protocol"] == protocol)]
        units = [one.units[0] for one in details.values() if _of(one, task, protocol)]
        unit = str((units or [mine["unit"].iloc[0]])[0])
        official = mine[mine["unit"] == unit]
        found.append(TaskGroup(str(task), str(protocol), unit, _scores(official, details)))
    return tuple(found)


def _of(detail: ProbeDetail, task: object, protocol: object) -> bool:
    return detail.dataset == task and detail.protocol == protocol and bool(detail.units)


def _key(one: ProbeDetail) -> tuple[str, str, str, str]:
    return one.model, one.dataset, one.protocol, one.provenance


def _scores(
    rows: pd.DataFrame, details: Mapping[tuple[str, str, str, str], ProbeDetail]
) -> tuple[TaskScore, ...]:
    """Collect the scores of one task, protocol and unit."""
    found = []
    for row in rows[rows["scope"] == "dataset"].to_dict(orient="records"):
        same = (rows["model"] == row["model"]) & (rows["provenance"] == row["provenance"])
        folds = rows.loc[same & (rows["scope"] == "fold"), "value"].to_numpy(np.float64)
        key = (row["model"], row["dataset"], row["protocol"], row["provenance"])
        detail = details.get(key)
        found.append(
            TaskScore(
                model=str(row["model"]),
                provenance=str(row["provenance"]),
                value=float(row["value"]),
                low=float(row["low"]),
                high=float(row["high"]),
                n_clips=int(row["n_sounds"]),
                folds=folds,
                chance=chance(detail, row["unit"]) if detail else _chance_of_unit(row["unit"]),
                detail=detail,
            )
        )
    return tuple(found)


def _chance_of_unit(unit: str) -> float:
    """Chance where it does not depend on the labels."""
    return {"auc": 0.5, "d_prime": 0.0}.get(unit, float("nan"))


def level(results: Results, provenance: str) -> str:
    """Return the level of the intervals as text, "95 %" unless the record says otherwise."""
    record = results.provenance.get(provenance, {}).get("uncertainty")
    value = record.get("level") if isinstance(record, Mapping) else None
    return f"{100 * value if isinstance(value, float) else 95:g} %"
