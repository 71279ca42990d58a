"""Drawing of one panel of similarity over steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from heschl.report.dynamics.depth_colors import depth_colors
from heschl.report.dynamics.panels import Curve, Panel
from heschl.report.dynamics.reference_lines import draw_levels, levels
from heschl.report.dynamics.steps_axis import StepsAxis
from heschl.report.palette import color
from heschl.report.style import shown

#: Up to this many steps each is a dot on the score's curve; a single one would not be seen.
_DOTS = 12
#: An axis of values spans at least so much: noise must not look like a rise.
_LEAST = 0.05


def draw_panel(
    ax: Axes,
    panel: Panel,
    layers: Sequence[str],
    axis: StepsAxis,
    *,
    others: Sequence[str],
    limits: tuple[float, float],
    named: bool,
    n_ticks: int,
) -> None:
    """Draw the curves of the layers, each run, the score with its interval, and level lines.

    ``others`` are the other models of all panels; ``named``: their lines are named in the panel.
    """
    colors = dict(zip(layers, depth_colors(len(layers)), strict=True))
    for curve in panel.layers:
        draw_curve(ax, curve, paint=colors[curve.label], thickness=1.1)
    for curve in panel.runs:
        draw_curve(ax, curve, paint=color("ink"), thickness=0.9, alpha=0.5)
    main = panel.main
    if np.isfinite(main.low).any():
        ax.fill_between(
            main.steps, main.low, main.high, color=color("ink"), alpha=0.13, linewidth=0
        )
    draw_curve(ax, main, paint=color("ink"), thickness=2.4, dots=len(main.steps) <= _DOTS)
    axis.apply(ax, n_ticks=n_ticks)
    ax.set_ylim(*limits)
    ax.set_title(shown(panel.title, 46 if named else 36))
    ax.grid(axis="y")
    draw_levels(ax, panel, others, named=named)


def draw_curve(
    ax: Axes, curve: Curve, *, paint: str, thickness: float, alpha: float = 1.0, dots: bool = False
) -> None:
    """Draw one curve; a single value is a dot."""
    marker = "o" if dots or len(curve.steps) == 1 else ""
    ax.plot(
        curve.steps, curve.values, color=paint, linewidth=thickness, alpha=alpha, marker=marker,
        markersize=2.0 + thickness,
    )  # fmt: skip


def value_limits(panels: Sequence[Panel], others: Sequence[str]) -> tuple[float, float]:
    """Return the ends of an axis that shows all values and lines of panels, with some room."""
    drawn = np.concatenate([one.drawn for one in panels])
    lines = [level.value for one in panels for level in levels(one, others)]
    low, high = min([float(drawn.min()), *lines]), max([float(drawn.max()), *lines])
    low = min(low, 0.0) if low < 0.35 * high else low
    lack = max(_LEAST - (high - low), 0.0)
    room = 0.06 * (high - low + lack) + lack / 2
    return low - room, high + room
