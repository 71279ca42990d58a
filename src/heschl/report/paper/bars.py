"""A panel of bars: one measure of every model, with the lines that it is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heschl.linking import Linked
from heschl.report.paper.choice import scores
from heschl.report.paper.families import Look


@dataclass(frozen=True)
class Bar:
    """One model; ``value`` is nan where it has none.

    ``ends`` are those of its error bar, nan without one. ``controls`` are the values of the same
    architecture without what was learned, as (kind, value).
    """

    model: str
    value: float
    ends: tuple[float, float]
    look: Look
    controls: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Line:
    """The model that the others are drawn against."""

    model: str
    value: float
    ends: tuple[float, float]


@dataclass(frozen=True)
class BarPanel:
    """Bars from top to bottom, in one unit."""

    title: str
    unit: str
    bars: tuple[Bar, ...]
    baseline: Line | None
    ceiling: float

    def values(self) -> list[float]:
        """Everything that has to be within the axis."""
        found = [self.ceiling]
        for bar in self.bars:
            found += [bar.value, *bar.ends, *(value for _, value in bar.controls)]
        if self.baseline is not None:
            found += [self.baseline.value, *self.baseline.ends]
        return [value for value in found if np.isfinite(value)]


def bar_panel(
    linked: Linked,
    measure: pd.Series,
    title: str,
    models: Sequence[str],
    baseline: str | None,
    looks: Mapping[str, Look],
    *,
    errors: str,
) -> BarPanel:
    """Gather what a panel shows.

    Parameters
    ----------
    linked : Linked
    measure : Series
        A row of the table of measures.
    title : str
    models : sequence of str
        From top to bottom.
    baseline : str or None
        The model that is a line.
    looks : mapping of str to Look
    errors : {"stderr", "interval", "none"}
        What error bars are.
    """
    table = scores(linked, str(measure["measure"]))
    values = {str(name): float(one) for name, one in table["value"].items()}
    runs = linked.models[linked.models["control"].notna()]
    bars = []
    for model in models:
        mine = runs[(runs["base"] == model) & runs["model"].isin(table.index)]
        controls = tuple(
            (str(kind), values[str(name)])
            for name, kind in zip(mine["model"], mine["control"], strict=True)
        )
        bars.append(Bar(model, *_value(table, model, errors), looks[model], controls))
    line = None
    if baseline is not None and baseline in table.index:
        line = Line(baseline, *_value(table, baseline, errors))
    tops = table["ceiling"].astype(float).loc[[name for name in models if name in table.index]]
    ceiling = float(tops.median()) if tops.notna().any() else float("nan")
    return BarPanel(title, str(measure["unit"]), tuple(bars), line, ceiling)


def kind_of_errors(linked: Linked, measures: Sequence[str]) -> str:
    """Return what all error bars of a figure are: one thing only, or they could not be compared.

    Standard errors, as published; intervals where there are none (single components).
    """
    rows = linked.values[linked.values["measure"].isin(measures)]
    for kind, column in (("stderr", "stderr"), ("interval", "low")):
        if rows[column].notna().any():
            return kind
    return "none"


def _value(table: pd.DataFrame, model: str, errors: str) -> tuple[float, tuple[float, float]]:
    """Return a value and the ends of its error bar."""
    nan = float("nan")
    if model not in table.index:
        return nan, (nan, nan)
    columns = ["value", "stderr", "low", "high"]
    value, stderr, low, high = table.loc[[model], columns].to_numpy(np.float64)[0].tolist()
    if errors == "stderr":
        return value, (value - stderr, value + stderr)
    return value, (low, high) if errors == "interval" else (nan, nan)
