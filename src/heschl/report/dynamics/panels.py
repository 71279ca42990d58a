"""What one panel shows: the curves of the layers, the score, the ceiling, other models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.report.dynamics.course import Course
from heschl.report.dynamics.measures import ALL, EVERYWHERE, Measure, part

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Values over steps.

    Attributes
    ----------
    label : str
    steps, values : ndarray, shape (n_steps,)
        In order of the steps; what is missing is left out.
    low, high : ndarray, shape (n_steps,)
        Of the interval; nan where there is none.
    """

    label: str
    steps: FloatArray
    values: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class Panel:
    """Similarity over steps, of one measure in one region or of one target.

    Attributes
    ----------
    title, symbol : str
        Heading, and unit.
    main : Curve
        The score of the protocol; where there is none, that of the best layer at each step.
    chosen : bool
        Whether it is that of the protocol, which chooses layers on other sounds.
    runs : tuple of Curve
        The same of each run, where there are several; ``main`` is then their mean.
    layers : tuple of Curve
        Labelled with the names of the layers.
    ceiling : float
        nan if it is not known.
    baselines : tuple of (str, float)
        Name and value of other models, the largest first.
    """

    title: str
    symbol: str
    main: Curve
    chosen: bool
    runs: tuple[Curve, ...]
    layers: tuple[Curve, ...]
    ceiling: float
    baselines: tuple[tuple[str, float], ...]

    @property
    def drawn(self) -> FloatArray:
        """All values of its curves and intervals."""
        curves = (self.main, *self.runs, *self.layers)
        ends = (self.main.low, self.main.high)
        values = np.concatenate([*(one.values for one in curves), *ends])
        return values[np.isfinite(values)]


def panel(
    course: Course, measure: Measure, *, region: str = EVERYWHERE, target: str = ALL, title: str
) -> Panel | None:
    """Collect what a panel shows; None if there is not one value."""
    rows = _known(part(measure.of(course.mean), region, target))
    if rows.empty:
        return None
    each = _known(part(measure.of(course.scores), region, target))
    chosen = bool((rows["layer"] == "").any())
    runs = [] if len(course.runs) == 1 else [(run, each[each["run"] == run]) for run in course.runs]
    return Panel(
        title,
        measure.symbol,
        main_curve(rows, chosen=chosen),
        chosen,
        tuple(main_curve(mine, chosen=chosen, label=run) for run, mine in runs),
        tuple(
            _curve(layer, mine)
            for layer in course.layers
            if not (mine := rows[rows["layer"] == layer]).empty
        ),
        _last(rows.loc[rows["layer"] == "", "ceiling"] if chosen else rows["ceiling"]),
        _baselines(part(measure.of(course.baselines), region, target)),
    )


def main_curve(rows: pd.DataFrame, *, chosen: bool, label: str = "") -> Curve:
    """Return the score of the protocol, or the largest value of the layers at each step."""
    if chosen:
        return _curve(label or "score", rows[rows["layer"] == ""])
    best = rows.groupby("step")["value"].max()
    missing = np.full(len(best), np.nan)
    steps = best.index.to_numpy(np.float64)
    return Curve(label or "best layer", steps, best.to_numpy(np.float64), missing, missing)


def _known(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[np.isfinite(rows["value"])].sort_values("step", kind="stable")


def _curve(label: str, rows: pd.DataFrame) -> Curve:
    steps, values, low, high = (
        rows[name].to_numpy(np.float64) for name in ("step", "value", "low", "high")
    )
    return Curve(label, steps, values, low, high)


def _last(ceilings: pd.Series) -> float:
    known = ceilings.dropna()
    return float(known.iloc[-1]) if len(known) else float("nan")


def _baselines(rows: pd.DataFrame) -> tuple[tuple[str, float], ...]:
    """Return the score of each other model; where it has none, that of its best layer."""
    found = {}
    for name, mine in _known(rows.assign(step=0)).groupby("run", sort=False):
        own = mine.loc[mine["layer"] == "", "value"]
        found[str(name)] = float((own if len(own) else mine["value"]).max())
    return tuple(sorted(found.items(), key=lambda item: -item[1]))
