"""What every figure for a paper has in common: its widths, its type, its key."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heschl.report.palette import color
from heschl.report.style import shown, style

#: One millimetre in inches.
MM = 1 / 25.4
#: Widths of a column and of a page of most journals, in inches.
SINGLE, DOUBLE = 89 * MM, 183 * MM
#: Size of type in points, and the smaller one of names and numbers.
SIZE, SMALL = 7.0, 6.5
#: Smallest size of type, for the names of points.
SMALLEST = 5.5

_PAPER: dict[Any, Any] = {
    # TrueType, which can be searched and edited; Type 3 fonts are refused by many journals
    "pdf.fonttype": 42,
    # as outlines: a text would be set in another font where this one is not installed
    "svg.fonttype": "path",
    "font.size": SIZE,
    "axes.titlesize": SIZE,
    "axes.labelsize": SIZE,
    "axes.titlepad": 4.0,
    "axes.labelpad": 2.5,
    "axes.labelcolor": color("ink"),
    "axes.edgecolor": color("muted"),
    "axes.linewidth": 0.5,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": color("muted"),
    "ytick.color": color("muted"),
    "xtick.labelcolor": color("ink"),
    "ytick.labelcolor": color("ink"),
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.0,
    "ytick.major.size": 2.0,
    "xtick.major.pad": 2.0,
    "ytick.major.pad": 2.0,
    "legend.fontsize": SMALL,
    "figure.constrained_layout.w_pad": 0.03,
    "figure.constrained_layout.h_pad": 0.03,
    "savefig.dpi": 300,
}


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw, and save, in the style of a printed page, whatever the user's matplotlibrc says."""
    with style():
        mpl.rcParams.update(_PAPER)
        yield


def name_panels(axes: Sequence[Axes], titles: Sequence[str], *, room: int = 44) -> None:
    """Write a title above each panel, and a letter beside it, as journals want them.

    Parameters
    ----------
    axes : sequence of Axes
    titles : sequence of str
        A longer one than there is room for is broken between words.
    room : int, optional
        In characters.
    """
    for i, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        lines = textwrap.wrap(shown(title, 3 * room), room, break_on_hyphens=False)
        ax.set_title("\n".join(lines), loc="center", weight="normal")
        if len(axes) > 1:  # a single panel needs no letter
            ax.annotate(
                _letter(i),
                (0, 1),
                xycoords="axes fraction",
                xytext=(-3, 4),
                textcoords="offset points",
                ha="right",
                va="baseline",
                weight="bold",
                fontsize=SIZE + 1,
            )


def _letter(index: int) -> str:
    if index < 26:
        return chr(ord("a") + index)
    return f"{_letter(index // 26 - 1)}{_letter(index % 26)}"


def add_key(figure: Figure, entries: Sequence[tuple[Artist, str]]) -> None:
    """Put the key under the panels, in rows that are filled evenly."""
    if not entries:
        return
    texts = [shown(text, 48) for _, text in entries]
    # DejaVu Sans is about 0.58 of its size wide; the rest is for the handle and the gap
    widths = sorted((0.58 * SMALL * len(text) + 28 for text in texts), reverse=True)
    n_rows = 1
    while sum(widths[::n_rows]) > figure.get_figwidth() * 72 and n_rows < len(texts):
        n_rows += 1
    n_columns = -(-len(texts) // n_rows)
    # matplotlib fills columns one after the other; a key is read along its rows
    order = [i for column in range(n_columns) for i in range(column, len(texts), n_columns)]
    key = figure.legend(
        [entries[i][0] for i in order],
        ["-"] * len(order),  # set below: matplotlib leaves out names that start with "_"
        loc="outside lower center",
        ncols=n_columns,
        handlelength=1.6,
        handletextpad=0.5,
        columnspacing=1.4,
        labelspacing=0.35,
        borderaxespad=0.2,
    )
    for entry, i in zip(key.get_texts(), order, strict=True):
        entry.set_text(texts[i])


def hide(axes: Sequence[Axes]) -> None:
    """Leave panels empty that nothing is left for."""
    for ax in axes:
        ax.set_axis_off()
