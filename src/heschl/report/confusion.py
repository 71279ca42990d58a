"""Which classes a probe takes for which: the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.report.class_bars import draw_precisions
from heschl.report.palette import color
from heschl.report.style import MAX_NARROW, WIDE, add_legend, shown, style
from heschl.report.task_numbers import class_precisions, confusion_counts
from heschl.report.wording import percent
from heschl.results import ProbeDetail

FloatArray = NDArray[np.float64]

#: Up to this many classes are named beside a matrix.
NAMED = 50
#: Shades of a cell; more could not be told apart, and fewer paths keep the page small.
_SHADES = 20
#: Inches that a cell needs for the name of its class, and has at most.
_PITCH, _MAX_PITCH = 0.145, 0.42


def plot_confusion(detail: ProbeDetail, *, width: float = WIDE) -> Figure:
    """Draw which classes a probe takes for which.

    One class a clip: the confusion matrix. Each row is a class, the shade of a cell is the share
    of the tested clips of that class that were given the class of the column (the shade grows with
    the square root, so that rare confusions are seen), and the number in it counts them, where
    there is room. At the right is the share that was named correctly. Up to 50 classes are
    named. Several classes a clip: the average precision of each class; of many, of the best and
    the worst ones.

    Parameters
    ----------
    detail : ProbeDetail
    width : float, optional
        In inches; figures of few classes are not as wide.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If no class can be scored: no tested clip has it, or, of several classes a clip, every one.
    """
    if not has_classes(detail):
        raise InputError(
            f"{detail.model} on {detail.dataset}: no class can be scored, so there is nothing to "
            "draw; expected tested clips that have a class, and others that have not"
        )
    with style():
        if detail.prediction == "multiclass":
            return _draw_matrix(detail, width)
        return draw_precisions(detail, width)


def has_classes(detail: ProbeDetail) -> bool:
    """Whether there is a class to be drawn."""
    if detail.prediction == "multiclass":
        return bool(detail.labels.any())
    return bool(np.isfinite(class_precisions(detail)).any())


@dataclass(frozen=True)
class _Layout:
    """How large the cells of a matrix are, in inches, and what is written beside them.

    Attributes
    ----------
    names : tuple of str
        As they are shown; empty if there are too many classes.
    across : bool
        Whether they also stand below the columns.
    column, row : float
        Width and height of a cell.
    margin : float
        Width of everything beside the cells.
    """

    names: tuple[str, ...]
    across: bool
    column: float
    row: float
    margin: float


def _layout(classes: Sequence[str], width: float) -> _Layout:
    n = len(classes)
    limit = 12 if width <= MAX_NARROW else 20
    names = tuple(shown(name, limit) for name in classes) if n <= NAMED else ()
    longest = _longest(names)
    margin = longest + (0.85 if names else 0.5)
    column = min((width - margin) / n, _MAX_PITCH)
    row = max(column, _PITCH) if names else column
    return _Layout(names, bool(names) and column >= _PITCH - 0.01, column, row, margin)


def _longest(names: Sequence[str]) -> float:
    """Return the room that names take, or numbers in their place."""
    return max((len(name) for name in names), default=6) * 0.078


def _draw_matrix(detail: ProbeDetail, width: float) -> Figure:
    counts = confusion_counts(detail)
    n = len(counts)
    layout = _layout(detail.classes, width)
    below = _longest(layout.names) + 0.1 if layout.across else 0.2
    size = (layout.margin + n * layout.column, n * layout.row + below + 1.0)
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.subplots()
    counted = _fits(counts, layout)
    paint = color("heat" if counted else "accent")  # stronger where no text has to be read on it
    _draw_cells(ax, counts, paint)
    if counted:
        _write_counts(ax, counts, 8.5 if layout.column > 0.3 else 7.0)
    _label_axes(ax, counts, layout)
    add_legend(figure, *_shades(paint), size[0])
    legend = figure.legends[0]
    legend.set_title("share of the clips of the class")
    legend.get_title().set(fontsize=8.5, color=color("muted"))
    legend.set_alignment("left")
    return figure


def _draw_cells(ax: Axes, counts: NDArray[np.int64], paint: str) -> None:
    n = len(counts)
    shares = _shares(counts)
    shades = np.ceil(np.sqrt(shares) * _SHADES).astype(int)
    for shade in range(1, _SHADES + 1):
        rows, columns = np.nonzero(shades == shade)
        if rows.size:
            alpha = shade / _SHADES
            patch = PathPatch(_squares(rows, columns), color=paint, alpha=alpha, lw=0)
            ax.add_patch(patch)
    ax.set_xlim(-0.5, n - 0.5)
    ax.set_ylim(n - 0.5, -0.5)
    ax.spines[["top", "right"]].set_visible(True)
    if n <= NAMED:
        for set_ticks in (ax.set_xticks, ax.set_yticks):
            set_ticks(np.arange(n - 1) + 0.5, minor=True)
        ax.grid(which="minor", linewidth=0.4)
        ax.tick_params(which="minor", length=0)


def _shares(counts: NDArray[np.int64]) -> FloatArray:
    """Shares of the clips of each row; 0 where a class has none."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.maximum(totals, 1), np.float64)


def _squares(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Path:
    """Return one path of all cells: far fewer words in the page than a path for each."""
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)])
    points = np.column_stack([columns, rows])[:, None, :] + corners
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(points.reshape(-1, 2), np.tile(codes, len(rows)))


def _fits(counts: NDArray[np.int64], layout: _Layout) -> bool:
    """Whether the largest count can be read in its cell."""
    return layout.column >= 0.066 * len(str(counts.max())) + 0.05 and layout.row >= _PITCH


def _write_counts(ax: Axes, counts: NDArray[np.int64], size: float) -> None:
    for row, column in zip(*np.nonzero(counts), strict=True):
        ax.text(
            column, row, str(counts[row, column]), ha="center", va="center_baseline",
            fontsize=size, color=color("ink"),
        )  # fmt: skip


def _label_axes(ax: Axes, counts: NDArray[np.int64], layout: _Layout) -> None:
    if not layout.names:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(8, integer=True))
        ax.set_ylabel("class, numbered as in the task, from 0")
        ax.set_xlabel("named as")
        return
    _name_rows(ax, counts, layout.names)
    ax.set_ylabel("class")
    if layout.across:
        ax.set_xticks(range(len(counts)), layout.names, fontsize=7.5, rotation=90)
        ax.tick_params(axis="x", length=0, labelcolor=color("ink"))
    else:
        ax.set_xticks([])
    ax.set_xlabel("named as" if layout.across else "named as, in the order of the rows")


def _name_rows(ax: Axes, counts: NDArray[np.int64], names: Sequence[str]) -> None:
    """Write the name of each class at the left, and its share of correct names at the right."""
    ax.set_yticks(range(len(names)), names, fontsize=7.5)
    ax.tick_params(axis="y", length=0, labelcolor=color("ink"))
    right = np.diag(_shares(counts))
    for row, (share, total) in enumerate(zip(right, counts.sum(axis=1), strict=True)):
        ax.text(
            1.012, row, percent(share if total else None), transform=ax.get_yaxis_transform(),
            va="center_baseline", fontsize=7.5, color=color("ink"),
        )  # fmt: skip


def _shades(paint: str) -> tuple[list[Artist], list[str]]:
    """Return the legend of the shades."""
    shares = (0.01, 0.1, 0.5, 1.0)
    handles: list[Artist] = [
        Patch(color=paint, alpha=float(np.sqrt(share)), linewidth=0) for share in shares
    ]
    return handles, [percent(share) for share in shares]
