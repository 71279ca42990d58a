"""Panels of points: one model each, by family, with the line through them and their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from heschl.linking import Linked
from heschl.report.palette import color
from heschl.report.paper import choice
from heschl.report.paper.families import Look, in_order
from heschl.report.wording import number

FloatArray = NDArray[np.float64]
Dashes = Literal["--", ":"]

#: How the line of least squares looks.
FIT: dict[str, Any] = {"linestyle": "--", "color": color("muted"), "linewidth": 0.8}


@dataclass(frozen=True)
class Points:
    """Models that have both values.

    Attributes
    ----------
    models : tuple of str
    x, y : ndarray, shape (n_models,)
    """

    models: tuple[str, ...]
    x: FloatArray = field(repr=False)
    y: FloatArray = field(repr=False)


def points_of(linked: Linked, x: pd.Series, y: pd.Series) -> Points:
    """Pair two columns of values, by model; controls have no part."""
    both = pd.concat([x.astype(float), y.astype(float)], axis=1, keys=["x", "y"])
    both = both.reindex(choice.models(linked)).dropna()
    xs, ys = (both[name].to_numpy(np.float64) for name in ("x", "y"))
    return Points(tuple(str(name) for name in both.index), xs, ys)


def draw_points(ax: Axes, points: Points, looks: Mapping[str, Look], *, size: float = 12.0) -> None:
    """Draw the points, one collection for each family; ``size`` is their area in points²."""
    for look in in_order(looks[name] for name in points.models):
        here = np.array([looks[name] == look for name in points.models])
        ax.scatter(
            points.x[here],
            points.y[here],
            s=size,
            marker=look.marker,
            color=look.color,
            edgecolors="white",
            linewidths=0.3,
            zorder=3,
            gid=f"family:{look.label}",
        )
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))


def fit(points: Points) -> tuple[FloatArray, FloatArray]:
    """Return both ends, x and y, of the line of least squares; empty if there is none."""
    if len(points.x) < 2 or np.ptp(points.x) == 0:
        return np.empty(0), np.empty(0)
    x, y = points.x - points.x.mean(), points.y - points.y.mean()
    ends = np.array([points.x.min(), points.x.max()])
    return ends, points.y.mean() + float(x @ y / (x @ x)) * (ends - points.x.mean())


def draw_fit(ax: Axes, points: Points, *, linestyle: Dashes = "--") -> None:
    """Draw the line of least squares through the points, as far as they go."""
    x, y = fit(points)
    if x.size:
        ax.plot(x, y, zorder=2, gid="fit", **FIT | {"linestyle": linestyle})


def find(table: pd.DataFrame, wanted: Mapping[str, str]) -> pd.Series | None:
    """Return the row that has these values in these columns; None if there is none."""
    chosen = np.logical_and.reduce([table[name] == value for name, value in wanted.items()])
    rows = table[chosen]
    return None if rows.empty else rows.iloc[0]


def say_r(row: pd.Series | None) -> str:
    """Return a correlation as text."""
    return f"r = {number(None if row is None else float(row['value']))}"


def say_p(p: float) -> str:
    """Return a probability as text: two digits, or the power of ten of a small one."""
    if not np.isfinite(p):
        return "p = –"
    if p >= 0.001:
        return f"p = {p:.2g}"
    # rounded before it is taken apart: 9.96e-5 is 1.0 × 10⁻⁴
    digits, exponent = f"{p:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"p = {digits} × 10{raised}" if p > 0 else "p = 0"


def in_corner(ax: Axes, lines: Sequence[str], r: float) -> None:
    """Write lines in the corner that points along a rising, or falling, line leave free."""
    left = not r < 0
    ax.text(
        0.04 if left else 0.96,
        0.97,
        "\n".join(lines),
        transform=ax.transAxes,
        ha="left" if left else "right",
        va="top",
        linespacing=1.3,
    )
