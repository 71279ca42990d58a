"""Drawing of the figure of scores: a panel of bars under each title."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from heschl.report.bars import Bar, Panel, published_scores
from heschl.report.palette import color, model_color
from heschl.report.selection import Analysis
from heschl.report.style import MAX_NARROW, add_legend, mark, shown

#: Of more values than this, so many quantiles are drawn as dots.
MAX_DOTS = 60


def draw_panels(
    panels: Sequence[Panel], models: Sequence[str], groups: Sequence[Analysis], width: float
) -> Figure:
    """Return the figure of some panels, one under the other, with one axis and one legend."""
    narrow = width <= MAX_NARROW
    heights = [0.55 + len(panel.rows) * (0.15 + 0.19 * panel.n_bars) for panel in panels]
    figure = Figure(figsize=(width, sum(heights) + 0.75), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights, sharex=True)[:, 0]
    axes[0].set_xlim(0, _upper_limit(panels))
    for ax, panel in zip(axes, panels, strict=True):
        _draw_panel(ax, panel, narrow)
        ax.tick_params(axis="x", labelbottom=ax is axes[-1])
    axes[-1].set_xlabel("r² (share of the variance explained)")
    add_legend(figure, *_score_legend(panels, models, groups), width)
    return figure


def _upper_limit(panels: Sequence[Panel]) -> float:
    """Return the end of the axis: just above the largest value, and 1 at most if r2 is so."""
    values = [0.1]
    for row in (row for panel in panels for row in panel.rows):
        values += [row.ceiling, *row.others]
        for bar in row.bars:
            values.append(bar.value)
            values += [] if bar.spread is None else list(_dots(bar.spread))
    largest = float(np.nanmax(values))
    return min(largest * 1.04, 1.0) if largest <= 1 else largest * 1.04


def _draw_panel(ax: Axes, panel: Panel, narrow: bool) -> None:
    n_bars = panel.n_bars
    step = n_bars + 0.8
    centers = []
    for i, row in enumerate(panel.rows):
        top = i * step
        centers.append(top + (len(row.bars) - 1) / 2)
        for j, bar in enumerate(row.bars):
            _draw_bar(ax, bar, top + j)
        bottom = top + len(row.bars) - 0.5
        if np.isfinite(row.ceiling):
            ax.plot([row.ceiling] * 2, [top - 0.5, bottom], color=color("ink"), linewidth=1.6)
        if row.others:
            ax.plot(
                row.others, [centers[-1]] * len(row.others), "d", color=color("muted"),
                markersize=3.5, markerfacecolor="none", markeredgewidth=0.8,
            )  # fmt: skip
    ax.set_yticks(centers, [shown(row.label, 18 if narrow else 34) for row in panel.rows])
    ax.set_ylim(len(panel.rows) * step - 0.9, -0.9)
    ax.set_title(panel.title)
    ax.tick_params(axis="y", length=0, labelcolor=color("ink"))
    ax.spines["bottom"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5 if narrow else 10, steps=[1, 2, 5, 10]))
    ax.grid(axis="x")


def _draw_bar(ax: Axes, bar: Bar, y: float) -> None:
    paint = color(bar.color)
    if not np.isfinite(bar.value):
        if not bar.published:
            _write_value(ax, y, "–", color("muted"))
        return
    if bar.published:
        ax.barh(
            y,
            bar.value,
            height=0.66,
            facecolor="none",
            edgecolor=paint,
            linewidth=1.0,
            hatch="////",
        )
    else:
        faint = bar.spread is not None
        ax.barh(y, bar.value, height=0.78, color=paint, alpha=0.3 if faint else 1.0, linewidth=0)
    if bar.spread is not None:
        dots = _dots(bar.spread)
        # A golden-ratio sequence spreads the dots evenly, the same way every time.
        jitter = (np.arange(len(dots)) * 0.6180339887 % 1 - 0.5) * 0.56
        ax.plot(dots, y + jitter, "o", color=paint, markersize=2.2, markeredgewidth=0, alpha=0.75)
        ax.plot([bar.value] * 2, [y - 0.39, y + 0.39], color=paint, linewidth=2.2)
    if np.isfinite(bar.stderr):
        ends = [bar.value - bar.stderr, bar.value + bar.stderr]
        ax.plot(ends, [y, y], color=color("ink"), linewidth=1.4)
    _write_value(ax, y, f"{bar.value:.2f}", color("muted" if bar.published else "ink"))


def _write_value(ax: Axes, y: float, text: str, paint: str) -> None:
    """Write a number at the right edge, so that all of them stand in one column."""
    ax.text(
        1.012, y, text, transform=ax.get_yaxis_transform(), va="center_baseline", color=paint,
        fontsize=8.5,
    )  # fmt: skip


def _dots(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return all values, or quantiles that stand for them."""
    if len(values) <= MAX_DOTS:
        return values
    return np.asarray(np.quantile(values, (np.arange(MAX_DOTS) + 0.5) / MAX_DOTS))


def _score_legend(
    panels: Sequence[Panel], models: Sequence[str], groups: Sequence[Analysis]
) -> tuple[list[Artist], list[str]]:
    rows = [row for panel in panels for row in panel.rows]
    bars = [bar for row in rows for bar in row.bars]
    here = {detail.model for group in groups for detail in group.details}
    labels = [name for name in models if name in here]
    handles: list[Artist] = [Patch(color=color(model_color(models.index(m)))) for m in labels]
    named = dict.fromkeys(name for group in groups for name in published_scores(group).bars)
    if any(bar.published and np.isfinite(bar.value) for bar in bars):
        handles.append(Patch(facecolor="none", edgecolor=color("muted"), hatch="////"))
        labels.append(f"published: {', '.join(shown(name) for name in named)}")
    if any(row.others for row in rows):
        handles.append(mark("d", color("muted"), fill="none"))
        labels.append("published: other models")
    if any(np.isfinite(row.ceiling) for row in rows):
        handles.append(mark("|", color("ink"), size=10))
        labels.append("ceiling")
    if any(np.isfinite(bar.stderr) for bar in bars):
        handles.append(Line2D([], [], color=color("ink"), linewidth=1.0))
        labels.append("± standard error")
    if any(bar.spread is not None for bar in bars):
        handles.append(mark("o", color("muted"), size=3))
        labels.append("distribution over targets")
    return handles, labels
