"""Drawing of panels of bars, and their key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from heschl.report.palette import color
from heschl.report.paper.bars import BarPanel
from heschl.report.paper.families import bar_key
from heschl.report.paper.names import model_label, unit_label
from heschl.report.paper.sheet import MM, add_key, hide, name_panels
from heschl.report.style import mark
from heschl.report.wording import DASH

#: Height of a bar with its gap: the smallest at which names in 6.5 points do not touch.
PITCH = 2.7 * MM
#: Marks of controls, which are no bars: they say what the architecture does by itself.
CONTROLS = {"random": ("o", "random weights"), "permuted": ("^", "permuted weights")}
_BASELINE = "#6b7280"


def draw_bar_panels(
    panels: Sequence[BarPanel], n_columns: int, width: float, errors: str, *, same_order: bool
) -> Figure:
    """Draw panels side by side, all of one unit over the same range.

    Parameters
    ----------
    panels : sequence of BarPanel
    n_columns : int
    width : float
        In inches.
    errors : str
        What error bars are, for the key.
    same_order : bool
        Whether all panels have the same models in the same order: names are on the left only.
    """
    n_rows = -(-len(panels) // n_columns)
    n_bars = max(len(panel.bars) for panel in panels)
    height = n_rows * (max(n_bars, 2) * PITCH + 11 * MM) + 12 * MM
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(n_rows, n_columns, squeeze=False).ravel())
    hide(axes[len(panels) :])
    for i, (ax, panel) in enumerate(zip(axes, panels, strict=False)):
        _draw(ax, panel)
        ax.set_xlim(_limits([one for one in panels if one.unit == panel.unit]))
        if same_order and i % n_columns:
            ax.tick_params(axis="y", labelleft=False)
    # names of models take about 28 mm, on the left or in each panel; a character about 1.4 mm
    names = 28 / n_columns if same_order else 28
    room = int((width / MM / n_columns - names) / 1.4) - 2
    name_panels(axes[: len(panels)], [panel.title for panel in panels], room=max(room, 10))
    add_key(figure, _key(panels, errors))
    return figure


def _draw(ax: Axes, panel: BarPanel) -> None:
    places = range(len(panel.bars))
    for place in places[::2]:  # stripes lead the eye from a name to a bar far away
        ax.axhspan(place - 0.5, place + 0.5, color=color("ground"), linewidth=0, zorder=0)
    known = [i for i in places if np.isfinite(panel.bars[i].value)]
    bars = [panel.bars[i] for i in known]
    ax.barh(
        known,
        [bar.value for bar in bars],
        height=0.76,
        color=[bar.look.color for bar in bars],
        linewidth=0,
        zorder=2,
    )
    for i, bar in zip(known, bars, strict=True):
        if np.isfinite(bar.ends).all():
            ax.plot(bar.ends, [i, i], color=color("ink"), linewidth=0.7, zorder=4, gid="error")
    for i in places:
        for kind, value in panel.bars[i].controls:
            marker = CONTROLS.get(kind, ("d", kind))[0]
            ax.plot([value], [i], zorder=5, gid=f"control:{kind}", **_control(marker))
        if i not in known:
            ax.text(0, i, f" {DASH}", va="center_baseline", color=color("muted"))
    _draw_lines(ax, panel)
    ax.set_yticks(places, [model_label(bar.model) for bar in panel.bars])
    ax.set_ylim(len(panel.bars) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(unit_label(panel.unit))
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def _draw_lines(ax: Axes, panel: BarPanel) -> None:
    line = panel.baseline
    if line is not None:
        if np.isfinite(line.ends).all():
            ax.axvspan(*line.ends, color=_BASELINE, alpha=0.25, linewidth=0, zorder=1)
        ax.axvline(line.value, color=_BASELINE, linestyle="--", linewidth=0.9, zorder=3)
    if np.isfinite(panel.ceiling):
        ax.axvline(panel.ceiling, color=color("ink"), linestyle=":", linewidth=0.9, zorder=3)


def _limits(panels: Sequence[BarPanel]) -> tuple[float, float]:
    values = [value for panel in panels for value in panel.values()]
    low, high = min(values), max(values)
    span = max(high, 0.0) - min(low, 0.0) or 1.0
    return (low - 0.04 * span if low < 0 else 0.0, max(high, 0.0) + 0.04 * span)


def _control(marker: str) -> dict[str, Any]:
    ink = color("ink")
    return {
        "linestyle": "none",
        "marker": marker,
        "markersize": 2.6,
        "color": ink,
        "markerfacecolor": "white",
        "markeredgewidth": 0.7,
    }


def _key(panels: Sequence[BarPanel], errors: str) -> list[tuple[Artist, str]]:
    bars = [bar for panel in panels for bar in panel.bars]
    entries = bar_key(bar.look for bar in bars if np.isfinite(bar.value))
    if any(np.isfinite(bar.ends).all() for bar in bars):
        entries.append((Line2D([], [], color=color("ink"), linewidth=0.7), errors))
    lines = [panel.baseline for panel in panels if panel.baseline is not None]
    if lines:
        dashes = Line2D([], [], color=_BASELINE, linestyle="--", linewidth=0.9)
        entries.append((dashes, model_label(lines[0].model)))
    if any(np.isfinite(panel.ceiling) for panel in panels):
        dots = Line2D([], [], color=color("ink"), linestyle=":", linewidth=0.9)
        entries.append((dots, "noise ceiling"))
    for kind in dict.fromkeys(kind for bar in bars for kind, _ in bar.controls):
        marker, text = CONTROLS.get(kind, ("d", kind))
        entries.append((mark(marker, color("ink"), fill="white", size=3.2), text))
    return entries
