"""Drawing of the figure of predictions: predicted against measured responses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from heschl.report import selection
from heschl.report.palette import category_color, category_marker, color
from heschl.report.style import MAX_NARROW, add_legend, mark, shown
from heschl.results import Detail


def draw_scatter(detail: Detail, targets: Sequence[int], width: float) -> Figure:
    """Return the figure of some targets, one panel for each, with one legend."""
    narrow = width <= MAX_NARROW
    n_rows = -(-len(targets) // (2 if narrow else 4))
    n_columns = -(-len(targets) // n_rows)
    side = min(width / n_columns, 3.4)
    figure = Figure(figsize=(width, n_rows * side * 0.92 + 0.75), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, target in zip(axes, targets, strict=False):
        _draw_panel(ax, detail, target, short=narrow)
    for ax in axes[len(targets) :]:
        ax.set_axis_off()
    _label_axes(axes, n_columns, len(targets))
    names = selection.categories(detail)
    if names != ("",):
        handles = [_category_handle(i) for i in range(len(names))]
        add_legend(figure, handles, [name or "no category" for name in names], width)
    return figure


def _draw_panel(ax: Axes, detail: Detail, target: int, *, short: bool) -> None:
    measured, predicted = detail.measured[:, target], detail.predicted[:, target]
    there = np.isfinite(measured) & np.isfinite(predicted)
    labels = np.array(selection.sound_column(detail, "category"))
    for i, name in enumerate(selection.categories(detail)):
        index = np.flatnonzero(there & (labels == name))
        if not index.size:
            continue
        points = ax.scatter(
            measured[index],
            predicted[index],
            s=17,
            marker=category_marker(i),
            color=color(category_color(i)),
            alpha=0.8,
            linewidths=0,
        )
        # The page finds the sound of each point by this (heschl.report.svg).
        points.set_gid("sounds:" + ",".join(str(k) for k in index))
    _draw_identity(ax)
    score = f"r² {detail.r2[target]:.2f}"
    name = shown(selection.target_label(detail, target), 15 if short else 24)
    ax.set_title(f"{name}  {score}", fontsize=7.5 if short else 8.5)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.tick_params(labelsize=7.5)


def _label_axes(axes: NDArray[np.object_], n_columns: int, n_panels: int) -> None:
    """Label the panels that have none below them, and those on the left."""
    for i, ax in enumerate(axes[:n_panels]):
        if i + n_columns >= n_panels:
            ax.set_xlabel("measured", fontsize=8.5)
        if i % n_columns == 0:
            ax.set_ylabel("predicted", fontsize=8.5)


def _draw_identity(ax: Axes) -> None:
    """Draw the line of equality within the limits that the points have set."""
    x, y = ax.get_xlim(), ax.get_ylim()
    ends = (max(x[0], y[0]), min(x[1], y[1]))
    if ends[0] < ends[1]:
        ax.plot(ends, ends, "--", color=color("muted"), linewidth=0.9, zorder=0.5)
    ax.set_xlim(x)
    ax.set_ylim(y)


def _category_handle(index: int) -> Line2D:
    return mark(category_marker(index), color(category_color(index)), size=5)
