"""How well each of several classes a clip is found: a bar for each, the best first."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from heschl.report.palette import color
from heschl.report.style import MAX_NARROW, add_legend, shown
from heschl.report.task_numbers import class_precisions, prevalence
from heschl.report.wording import number
from heschl.results import ProbeDetail

FloatArray = NDArray[np.float64]

#: Of more classes than twice this, the best and the worst are drawn.
ENDS = 12


def draw_precisions(detail: ProbeDetail, width: float) -> Figure:
    """Return the figure of classes that at least one clip has and another has not."""
    precisions = class_precisions(detail)
    order = shown_classes(precisions)
    n_more = int(np.isfinite(precisions).sum()) - len(order)
    # A line between the best and the worst says how many are not drawn.
    places = [i + (n_more > 0 and i >= ENDS) for i in range(len(order))]
    figure = Figure(figsize=(width, 0.19 * (places[-1] + 1) + 1.0), layout="constrained")
    ax = figure.subplots()
    shares = prevalence(detail)
    for y, i in zip(places, order, strict=True):
        _draw_precision(ax, y, precisions[i], shares[i])
    mean = float(np.nanmean(precisions))
    ax.axvline(mean, color=color("muted"), linewidth=1.2, linestyle="--")
    labels = [shown(detail.classes[i], 16 if width <= MAX_NARROW else 40) for i in order]
    if n_more:
        places.insert(ENDS, ENDS)
        labels.insert(ENDS, f"… {n_more:,} more …")
    ax.set_yticks(places, labels, fontsize=7.5)
    ax.set_ylim(places[-1] + 0.6, -0.6)
    ax.set_xlim(0, 1)
    ax.set_xlabel("average precision of the class")
    ax.tick_params(axis="y", length=0, labelcolor=color("ink"))
    ax.spines["bottom"].set_visible(False)
    ax.grid(axis="x")
    handles = [_upright("muted", "--", 1.2), _upright("ink", ":", 1.3)]
    names = [f"mean over the classes: {number(mean)}", "chance: share of the clips"]
    add_legend(figure, handles, names, width)
    return figure


def _draw_precision(ax: Axes, y: int, precision: float, share: float) -> None:
    ax.barh(y, precision, height=0.74, color=color("heat"), linewidth=0)
    ax.plot([share] * 2, [y - 0.45, y + 0.45], color=color("ink"), linewidth=1.3, linestyle=":")
    ax.text(
        1.012, y, number(precision), transform=ax.get_yaxis_transform(), va="center_baseline",
        fontsize=8, color=color("ink"),
    )  # fmt: skip


def _upright(name: str, dashes: Literal["--", ":"], linewidth: float) -> Line2D:
    return Line2D([], [], color=color(name), linestyle=dashes, linewidth=linewidth)


def shown_classes(precisions: FloatArray) -> list[int]:
    """Return the classes whose average precision is drawn, the best first.

    All of up to twice `ENDS`; of more, the `ENDS` best and the `ENDS` worst.
    """
    known = np.flatnonzero(np.isfinite(precisions))
    order = known[np.argsort(-precisions[known], kind="stable")]
    if len(order) > 2 * ENDS:
        order = np.concatenate([order[:ENDS], order[-ENDS:]])
    return [int(i) for i in order]
