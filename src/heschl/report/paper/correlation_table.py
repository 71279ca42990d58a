"""Table 1 as numbers: how each task, and all of them, goes together with each measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from heschl.linking import OVERALL, Linked
from heschl.report.paper import choice, names
from heschl.report.paper.downstream_figure import SUBSETS


@dataclass(frozen=True)
class Cell:
    """One correlation; nan where there is none. ``best``: the highest of its column and subset."""

    value: float
    low: float
    high: float
    p: float
    q: float
    n: int
    best: bool = False

    @property
    def stars(self) -> str:
        """Two for p < 0.01, one for p < 0.05: as the colours of the publication."""
        return "**" if self.p < 0.01 else "*" if self.p < 0.05 else ""


@dataclass(frozen=True)
class Column:
    """A measure of the brain; columns of one group stand under one heading."""

    measure: str
    group: str
    label: str


@dataclass(frozen=True)
class CorrelationTable:
    """Rows are tasks, the overall score last; there is one block of them for each subset of models.

    Attributes
    ----------
    columns : tuple of Column
    rows : tuple of (str, str)
        Measure and name in print.
    subsets : mapping of str to str
        To its name in print.
    cells : mapping of (subset, task, measure) to Cell
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, str], ...]
    subsets: Mapping[str, str]
    cells: Mapping[tuple[str, str, str], Cell] = field(repr=False)

    def counts(self, subset: str) -> str:
        """Return the number of models of a subset, in words."""
        counts = {cell.n for key, cell in self.cells.items() if key[0] == subset}
        low, high = min(counts), max(counts)
        return f"n = {high}" if low == high else f"n = {low} to {high}"


def correlation_table(linked: Linked) -> CorrelationTable | None:
    """Gather Pearson's r of all tasks and measures; None if there is not one."""
    table = linked.correlations[linked.correlations["kind"] == "pearson"]
    table = table[table["value"].notna()]
    measures = choice.brain_measures(linked)
    measures = measures[measures["measure"].isin(set(table["brain"]))]
    known = linked.measures[linked.measures["measure"].isin(set(table["task"]))]
    tasks = known[known["kind"] == "task"]
    if table.empty or measures.empty:
        return None
    rows = list(names.distinct(tasks, names.short_label).items())
    if OVERALL in set(table["task"]):
        rows.append((OVERALL, names.dataset_label(OVERALL)))
    subsets = {
        one: {"all models": "All models"}.get(one, f"Models with {label}")
        for one, (_, label) in SUBSETS.items()
        if one in _different(table)
    }
    columns = _columns(measures)
    cells = {
        (str(row["subset"]), str(row["task"]), str(row["brain"])): _cell(row)
        for _, row in table.iterrows()
    }
    return CorrelationTable(tuple(columns), tuple(rows), subsets, _with_best(cells))


def _different(table: pd.DataFrame) -> list[str]:
    """Return the subsets of models; only the first of those that are of the same models."""
    found: dict[tuple[int, ...], str] = {}
    for subset, rows in table.groupby("subset", sort=False):
        counts = rows.sort_values(["task", "brain"])["n"]
        found.setdefault(tuple(int(n) for n in counts), str(subset))
    return list(found.values())


def _columns(measures: pd.DataFrame) -> list[Column]:
    """Name the columns, and put those of one analysis under one heading."""
    keys = {str(row["measure"]): _group(row) for _, row in measures.iterrows()}
    # protocols are in the headings only where there are several
    one_of_each = measures[~pd.Series(list(keys.values()), index=measures.index).duplicated()]
    headings = {
        keys[measure]: heading for measure, heading in names.distinct(one_of_each, _heading).items()
    }
    return [
        Column(str(row["measure"]), headings[keys[str(row["measure"])]], names.short_label(row))
        for _, row in measures.iterrows()
    ]


def _group(measure: pd.Series) -> tuple[str, ...]:
    parts = [str(measure[name]) for name in ("metric", "protocol", "unit")]
    return tuple(parts if names.is_whole(measure) else [*parts, str(measure["dataset"])])


def _heading(measure: pd.Series) -> str:
    metric = names.METRICS.get(str(measure["metric"]), str(measure["metric"]))
    what = f"{metric}, {names.unit_label(measure['unit'])}"
    return what if names.is_whole(measure) else f"{names.dataset_label(measure['dataset'])}, {what}"


def _cell(row: pd.Series) -> Cell:
    value, low, high, p, q = (float(row[name]) for name in ("value", "low", "high", "p", "q"))
    return Cell(value, low, high, p, q, int(row["n"]))


def _with_best(
    cells: Mapping[tuple[str, str, str], Cell],
) -> dict[tuple[str, str, str], Cell]:
    highest: dict[tuple[str, str], float] = {}
    for (subset, _, measure), cell in cells.items():
        key = subset, measure
        highest[key] = float(np.fmax(highest.get(key, -np.inf), cell.value))
    return {
        key: replace(cell, best=cell.value == highest[key[0], key[2]])
        for key, cell in cells.items()
    }
