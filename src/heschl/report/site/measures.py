"""The measures, models and values of a study, taken from the tables of `heschl.linking`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from heschl.linking import OVERALL, Linked
from heschl.linking.tables import COLUMNS


@dataclass(frozen=True)
class Measure:
    """A number that every model can have: a row of ``Linked.measures``."""

    name: str
    kind: str
    dataset: str
    metric: str
    protocol: str
    target: str
    region: str
    unit: str
    label: str

    @property
    def whole(self) -> bool:
        """Whether it is of all of a dataset, not of a region or a target."""
        return self.target in ("", "all") and not self.region


@dataclass(frozen=True)
class Value:
    """A model's number in a measure: a row of ``Linked.values``; nan where it is missing."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    ceiling: float = math.nan
    n_runs: int = 1

    @property
    def known(self) -> bool:
        """Whether there is a number."""
        return math.isfinite(self.value)


@dataclass(frozen=True)
class Model:
    """A model: a row of ``Linked.models``; texts are empty and numbers nan where not known."""

    name: str
    family: str = ""
    training: str = ""
    control: str = ""
    base: str = ""
    parameters: float = math.nan
    hours: float = math.nan


def measures_of(linked: Linked) -> tuple[Measure, ...]:
    """Return the measures in the order of the table."""
    columns = list(COLUMNS["measures"])
    return tuple(Measure(*texts) for texts in _texts(linked.measures[columns]))


def models_of(linked: Linked, others: Sequence[str]) -> tuple[Model, ...]:
    """Return the models in the order of the table, then others that are not in it."""
    table = linked.models
    texts = _texts(table[["model", "family", "training", "control", "base"]])
    sizes = zip(_numbers(table["parameters"]), _numbers(table["hours"]), strict=True)
    found = [
        Model(name, family, training, control, base, parameters, hours)
        for (name, family, training, control, base), (parameters, hours) in zip(
            texts, sizes, strict=True
        )
    ]
    there = {one.name for one in found}
    return (*found, *(Model(name) for name in dict.fromkeys(others) if name not in there))


def values_of(linked: Linked) -> dict[tuple[str, str], Value]:
    """Return the values by model and measure.

    The overall score is a column of the table of models; it counts where it is not among the
    values.
    """
    models = linked.models
    found = {
        (str(name), OVERALL): Value(value)
        for name, value in zip(models["model"], _numbers(models["overall"]), strict=True)
        if math.isfinite(value)
    }
    table = linked.values
    columns = [_numbers(table[name]) for name in ("value", "low", "high", "ceiling", "n_runs")]
    keys = zip(table["model"], table["measure"], strict=True)
    for (model, measure), (value, low, high, ceiling, runs) in zip(
        keys, zip(*columns, strict=True), strict=True
    ):
        n_runs = int(runs) if math.isfinite(runs) else 1
        found[str(model), str(measure)] = Value(value, low, high, ceiling, n_runs)
    return found


def default_brain(measures: Sequence[Measure]) -> Measure | None:
    """Return the brain measure that is shown first: of a whole dataset, if there is one."""
    brains = [one for one in measures if one.kind == "brain"]
    return next((one for one in brains if one.whole), brains[0] if brains else None)


def task_side(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """Return what a brain measure can be compared with: the overall score, then each task."""
    tasks = [one for one in measures if one.kind in ("task", "overall")]
    return tuple(sorted(tasks, key=lambda one: one.kind != "overall"))


def by_dataset(measures: Sequence[Measure], kind: str) -> Mapping[str, tuple[Measure, ...]]:
    """Return the measures of each dataset, or of each task."""
    found: dict[str, list[Measure]] = {}
    for one in measures:
        if one.kind == kind:
            found.setdefault(one.dataset, []).append(one)
    return {name: tuple(mine) for name, mine in found.items()}


def text(value: Any) -> str:
    """Return a cell of a table as text, "" where it is missing."""
    return "" if value is None or pd.isna(value) else str(value)


def _texts(table: pd.DataFrame) -> Iterator[list[str]]:
    for row in table.itertuples(index=False, name=None):
        yield [text(value) for value in row]


def _numbers(column: pd.Series) -> list[float]:
    return [math.nan if pd.isna(value) else float(value) for value in column]
