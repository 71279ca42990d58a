"""Level lines of a panel, the ceiling and other models, named at its right edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from heschl.report.dynamics.panels import Panel
from heschl.report.dynamics.texts import value_text
from heschl.report.palette import color, model_color
from heschl.report.style import shown

#: A ceiling of more than this many times the largest value would press all curves together: it is
#: written, not drawn.
_FAR = 3.0
#: Between the names of two lines, as a share of the height of the axes.
_GAP = 0.085


@dataclass(frozen=True)
class Level:
    """A line at one value, with its name."""

    name: str
    value: float
    paint: str
    dashes: Literal["--", "-."]


def levels(panel: Panel, others: Sequence[str]) -> tuple[Level, ...]:
    """Return the lines that can be drawn, the uppermost first.

    ``others`` are the other models of all panels: each has one colour in all of them.
    """
    found = [
        Level(name, value, color(model_color(others.index(name) + 1)), "-.")
        for name, value in panel.baselines
    ]
    if not np.isnan(panel.ceiling) and not far_ceiling(panel):
        found.append(Level("ceiling", panel.ceiling, color("muted"), "--"))
    return tuple(sorted(found, key=lambda level: -level.value))


def other_models(panels: Sequence[Panel]) -> list[str]:
    """Return the names of the other models, in order of appearance."""
    return list(dict.fromkeys(name for panel in panels for name, _ in panel.baselines))


def far_ceiling(panel: Panel) -> bool:
    """Whether the ceiling is so high that it is only written."""
    top = max([float(panel.drawn.max()), *(value for _, value in panel.baselines)])
    return bool(panel.ceiling > _FAR * max(top, 0.02))


def draw_levels(ax: Axes, panel: Panel, others: Sequence[str], *, named: bool) -> None:
    """Draw the lines, if ``named`` with their names; the limits of the axes must be set before."""
    found = levels(panel, others)
    for level in found:
        ax.axhline(level.value, color=level.paint, linestyle=level.dashes, linewidth=1.2, zorder=1)
    low, high = ax.get_ylim()
    places = spread([(level.value - low) / (high - low) for level in found], _GAP)
    for level, place in zip(found, places, strict=True):
        if named:
            ax.text(
                1.015, place, f"{shown(level.name, 18)} {value_text(level.value)}",
                transform=ax.transAxes, va="center", fontsize=7.5, color=level.paint,
            )  # fmt: skip
    if far_ceiling(panel):
        ax.text(
            0.99, 0.98, f"ceiling {value_text(panel.ceiling)}, above",
            transform=ax.transAxes, ha="right", va="top", fontsize=7.5, color=color("muted"),
        )  # fmt: skip


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move places that come from high to low apart, so that neighbours are ``gap`` from another.

    Each group of neighbours keeps its middle.
    """
    groups: list[list[float]] = []
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _lowest(groups[-2], gap) - gap < _highest(groups[-1], gap):
            last = groups.pop()
            groups[-1] += last
    return [_highest(group, gap) - i * gap for group in groups for i in range(len(group))]


def _highest(group: Sequence[float], gap: float) -> float:
    return sum(group) / len(group) + (len(group) - 1) * gap / 2


def _lowest(group: Sequence[float], gap: float) -> float:
    return sum(group) / len(group) - (len(group) - 1) * gap / 2
