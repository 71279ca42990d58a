"""The losses as they are drawn: of many steps, means over stretches of the axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heschl.report.dynamics.course import Course
from heschl.report.dynamics.panels import Curve
from heschl.report.dynamics.steps_axis import StepsAxis

#: Largest number of values of a curve.
MAX_POINTS = 150
_MAIN = "loss"


@dataclass(frozen=True)
class Losses:
    """What is drawn of the losses.

    Attributes
    ----------
    main : Curve or None
        The loss; of several runs the mean, None if they have no step in common.
    runs : tuple of Curve
        That of each run, where there are several.
    parts : tuple of Curve
        Further losses, such as that of masked frames; of several runs the mean.
    averaged : bool
        Whether values are means over stretches of steps.
    """

    main: Curve | None
    runs: tuple[Curve, ...]
    parts: tuple[Curve, ...]
    averaged: bool


def losses_of(course: Course, axis: StepsAxis) -> Losses | None:
    """Return the losses; None if no run has any."""
    if not course.losses:
        return None
    thin = {run: _thinned(table, axis) for run, table in course.losses.items()}
    several = len(thin) > 1
    names = [name for name in _loss_names(course.losses) if name != _MAIN]
    parts = (_mean(thin, name) for name in names)
    return Losses(
        _mean(thin, _MAIN),
        tuple(_curve(run, table[_MAIN]) for run, table in thin.items()) if several else (),
        tuple(one for one in parts if one is not None),
        any(len(table) > MAX_POINTS for table in course.losses.values()),
    )


def _loss_names(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the columns that every run has and that are losses by name."""
    first, *others = tables.values()
    return [
        str(name)
        for name in first.columns
        if str(name).endswith(_MAIN) and all(name in table for table in others)
    ]


def _thinned(table: pd.DataFrame, axis: StepsAxis) -> pd.DataFrame:
    """Return the losses by step; of many, means over `MAX_POINTS` equal stretches of the axis."""
    names = _loss_names({"": table})
    steps = table["step"].to_numpy(np.float64)
    values = table[names].astype(float)
    if len(table) <= MAX_POINTS:
        return values.groupby(steps).mean()
    end = float(axis.place(np.array([axis.last]))[0])
    stretch = np.minimum(axis.place(steps) / end * MAX_POINTS, MAX_POINTS - 1).astype(int)
    means = values.assign(step=steps).groupby(stretch).mean()
    return means.set_index("step")


def _mean(tables: Mapping[str, pd.DataFrame], name: str) -> Curve | None:
    """Average a loss over the runs, at the steps that all have."""
    columns = [table[name] for table in tables.values()]
    together = pd.concat(columns, axis=1, join="inner").dropna()
    return None if together.empty else _curve(name.replace("_", " "), together.mean(axis=1))


def _curve(label: str, values: pd.Series) -> Curve:
    values = values.dropna().sort_index()
    missing = np.full(len(values), np.nan)
    steps = values.index.to_numpy(np.float64)
    return Curve(label, steps, values.to_numpy(np.float64), missing, missing)
