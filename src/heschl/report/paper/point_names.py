"""Names beside points: measured, placed, and drawn with leaders where they are far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from heschl.report.palette import color
from heschl.report.paper.families import Look
from heschl.report.paper.geometry import boxes, nearest_in
from heschl.report.paper.names import model_label
from heschl.report.paper.placement import place
from heschl.report.paper.placement_cost import NEAR
from heschl.report.paper.points import Points
from heschl.report.paper.sheet import SMALLEST

#: Of a mark of 12 points², in points.
RADIUS = 2.0
#: Lines end at a name; they do not run through it.
_GROUND: dict[str, Any] = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.2}
_LEADER: dict[str, Any] = {
    "arrowstyle": "-",
    "linewidth": 0.35,
    "color": color("muted"),
    "patchA": None,
    "shrinkA": 0,
    "shrinkB": RADIUS + 0.3,
    "zorder": 2.5,
}


def name_points(
    figure: Figure, panels: Sequence[tuple[Axes, Points]], looks: Mapping[str, Look]
) -> None:
    """Name all points of all panels; nothing else may move after that.

    The layout is settled first, and left as it is: where names go depends on where points are on
    the page.
    """
    renderer = RendererAgg(*figure.bbox.size, figure.dpi)  # type: ignore[no-untyped-call]
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax, points in panels:
        _name(figure, ax, points, looks, renderer)


def _name(
    figure: Figure, ax: Axes, points: Points, looks: Mapping[str, Look], renderer: RendererAgg
) -> None:
    pixel = 72 / figure.dpi
    at = ax.transData.transform(np.stack([points.x, points.y], axis=-1)) * pixel
    texts = [model_label(name) for name in points.models]
    sizes = np.array([_size(figure, text, renderer) for text in texts]) * pixel
    left, bottom, right, top = np.asarray(ax.bbox.extents) * pixel
    legend = ax.get_legend()
    blocked = np.empty((0, 4))
    if legend is not None:
        blocked = np.asarray(legend.get_window_extent(renderer).extents)[None] * pixel
    bounds = (left + 1.5, bottom + 1.5, right - 1.0, top - 1.0)
    centers = place(at, sizes, bounds, radius=RADIUS, blocked=blocked)
    ends = nearest_in(boxes(centers, sizes), at)
    far = np.linalg.norm(ends - at, axis=1) > RADIUS + NEAR
    for i, text in enumerate(texts):
        # the leader begins where the name's edge is nearest to the point
        begin = tuple((ends[i] - centers[i]) / sizes[i] + 0.5)
        note = ax.annotate(
            text,
            (points.x[i], points.y[i]),
            xytext=tuple(centers[i] - at[i]),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SMALLEST,
            color=color("ink"),
            arrowprops=_LEADER | {"relpos": begin} if far[i] else None,
            bbox=_GROUND,
            zorder=4,
            gid="name",
        )
        note.set_in_layout(False)


def _size(figure: Figure, text: str, renderer: RendererAgg) -> tuple[float, float]:
    """Width and height of a name in pixels."""
    one = Text(0, 0, text, fontsize=SMALLEST, figure=figure)
    extent = one.get_window_extent(renderer)
    return extent.width, extent.height
