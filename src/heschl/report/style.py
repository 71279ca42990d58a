"""How every figure looks: its style and widths, its names and its legend."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from heschl.report.palette import color

#: Widths of a figure in inches: for a page, and for a phone.
WIDE, NARROW = 9.0, 3.65
#: Up to this width a figure has fewer columns and shorter names.
MAX_NARROW = 6.0

#: Names come from users: no character of them is markup (``text.parse_math``).
STYLE: dict[Any, Any] = {
    "text.parse_math": False,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.constrained_layout.h_pad": 0.06,
    "text.color": color("ink"),
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": color("rule"),
    "axes.labelcolor": color("muted"),
    "axes.titlecolor": color("ink"),
    "axes.titlesize": 9.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": color("rule"),
    "ytick.color": color("rule"),
    "xtick.labelcolor": color("muted"),
    "ytick.labelcolor": color("muted"),
    "grid.color": color("rule"),
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": color("ink"),
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "heschl",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of the report, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def shown(name: str, limit: int = 30) -> str:
    """Return a name for a figure: control characters made visible, its middle left out if long."""
    clean = "".join("\ufffd" if unicodedata.category(c).startswith("C") else c for c in name)
    if len(clean) <= limit:
        return clean
    half = (limit - 1) // 2
    return f"{clean[:half]}…{clean[-half:]}"


def mark(marker: str, paint: str, *, fill: str | None = None, size: float = 4.5) -> Line2D:
    """Return the handle of a legend that is a marker without a line."""
    return Line2D(
        [], [], linestyle="none", marker=marker, markersize=size, color=paint,
        markerfacecolor=paint if fill is None else fill,
    )  # fmt: skip


def legend_height(labels: Sequence[str], width: float) -> float:
    """Return about how high `add_legend` will be, in inches."""
    texts = [shown(label, 48) for label in labels]
    return 0.17 * -(-len(texts) // _legend_columns(texts, width))


def _legend_columns(texts: Sequence[str], width: float) -> int:
    room = width * 72 / (6.2 * max(len(text) for text in texts) + 34)
    return max(1, min(len(texts), int(room)))


def add_legend(
    figure: Figure, handles: Sequence[Artist], labels: Sequence[str], width: float
) -> None:
    """Put a legend under the axes, in as many columns as there is room for."""
    texts = [shown(label, 48) for label in labels]
    legend = figure.legend(
        list(handles),
        ["-"] * len(handles),  # set below: matplotlib leaves out names that start with "_"
        loc="outside lower left",
        ncols=_legend_columns(texts, width),
        fontsize=8.5,
        handlelength=1.4,
        columnspacing=1.4,
    )
    for entry, text in zip(legend.get_texts(), texts, strict=True):
        entry.set_text(text)
