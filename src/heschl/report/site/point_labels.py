"""Names beside points: of as many as there is room for, the outermost first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from heschl.report.palette import color
from heschl.report.style import shown

FloatArray = NDArray[np.float64]
Box = tuple[float, float, float, float]

#: Of the names, in points; the width of a letter in ems; what a mark covers around its centre.
SIZE, LETTER, REACH = 6.5, 0.6, 4.0


def label_points(
    figure: Figure, ax: Axes, names: Sequence[str], x: FloatArray, y: FloatArray
) -> None:
    """Name points where their names cover no other point or name; the layout is settled first."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    to_points = 72 / figure.dpi
    at = ax.transData.transform(np.stack([x, y], axis=-1)) * to_points
    left, bottom, right, top = np.asarray(ax.bbox.extents) * to_points
    taken: list[Box] = [(px - REACH, py - REACH, px + REACH, py + REACH) for px, py in at.tolist()]
    outermost = np.argsort(-np.linalg.norm(at - at.mean(axis=0), axis=1), kind="stable")
    for i in outermost:
        text = shown(names[i], 26)
        width, height = LETTER * SIZE * len(text), 1.15 * SIZE
        for offset in _offsets(width, height):
            low = at[i] + offset
            box = (float(low[0]), float(low[1]), float(low[0]) + width, float(low[1]) + height)
            inside = box[0] >= left and box[1] >= bottom and box[2] <= right and box[3] <= top
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                _write(ax, text, (x[i], y[i]), offset, width, height)
                break


def _offsets(width: float, height: float) -> Iterator[tuple[float, float]]:
    """Yield where the lower left corner of a name can be from its point, in points."""
    gap = REACH + 1.2
    for dy in (-height / 2, gap - 1, -height - gap + 1):
        yield gap, dy
        yield -gap - width, dy
    yield -width / 2, gap
    yield -width / 2, -gap - height


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _write(
    ax: Axes,
    text: str,
    point: tuple[float, float],
    offset: tuple[float, float],
    width: float,
    height: float,
) -> None:
    # letters are not as wide as was reckoned: the end that is next to the point stays there
    left_of_it = offset[0] <= -width
    note = ax.annotate(
        text, point, xytext=(offset[0] + width * left_of_it, offset[1] + height / 2),
        textcoords="offset points", ha="right" if left_of_it else "left", va="center",
        fontsize=SIZE, color=color("ink"), zorder=4,
    )  # fmt: skip
    note.set_in_layout(False)
