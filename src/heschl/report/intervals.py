"""Scores as points with their intervals and ceilings: all listeners, each region, each listener."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from heschl.errors import InputError
from heschl.report.palette import color, model_color
from heschl.report.style import MAX_NARROW, WIDE, add_legend, mark, shown, style
from heschl.report.wording import number

UNITS = {
    "r2": "r² (share of the variance explained)",
    "rho": "ρ (Spearman, of dissimilarities)",
    "r2_corrected": "r² corrected for noise",
    "r": "r",
}


def plot_intervals(scores: pd.DataFrame, models: Sequence[str], *, width: float = WIDE) -> Figure:
    """Draw the scores of one analysis: the mean over listeners, regions, and each listener.

    Parameters
    ----------
    scores : DataFrame
        Rows of a table of scores of one dataset, metric, protocol and unit.
    models : sequence of str
        All models of the page, which gives each its colour.
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there are no rows of the dataset or of listeners, or of several units.
    """
    if scores["unit"].nunique() > 1:
        raise InputError(f"scores of several units ({set(scores['unit'])}); expected one")
    panels = [(title, rows) for title, rows in _panels(scores) if np.isfinite(rows["value"]).any()]
    if not panels:
        raise InputError("no scores of a dataset, region or listener to draw; expected some")
    here = [name for name in models if name in set(scores["model"])]
    with style():
        return _draw(panels, here, models, str(scores["unit"].iloc[0]), width)


def _panels(scores: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return title and rows of each panel; the column "line" names the line in it."""
    whole = scores[scores["scope"] == "dataset"]
    overall = whole[whole["region"].isna()].assign(line="all listeners")
    regions = whole[whole["region"].notna()].assign(line=lambda rows: rows["region"])
    each = scores[(scores["scope"] == "listener") & scores["region"].isna()]
    return [
        ("All listeners (mean), and in each region", pd.concat([overall, regions])),
        ("Each listener", each.assign(line=each["target"])),
    ]


def _draw(
    panels: Sequence[tuple[str, pd.DataFrame]],
    here: Sequence[str],
    models: Sequence[str],
    unit: str,
    width: float,
) -> Figure:
    narrow = width <= MAX_NARROW
    heights = [0.6 + rows["line"].nunique() * (0.12 + 0.17 * len(here)) for _, rows in panels]
    figure = Figure(figsize=(width, sum(heights) + 0.8), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights, sharex=True)[:, 0]
    for ax, (title, rows) in zip(axes, panels, strict=True):
        ax.set_title(title)
        _draw_lines(ax, rows, here, models, narrow)
    every = pd.concat([rows for _, rows in panels])
    low = min(0.0, float(np.nanmin([every["value"].min(), every["low"].min()])))
    high = float(np.nanmax(every[["value", "high", "ceiling"]].to_numpy()))
    axes[0].set_xlim(low * 1.05, high * 1.04 if high > 0 else 0.1)
    axes[-1].set_xlabel(UNITS.get(unit, unit))
    add_legend(figure, *_legend(every, here, models), width)
    return figure


def _draw_lines(
    ax: Axes, rows: pd.DataFrame, here: Sequence[str], models: Sequence[str], narrow: bool
) -> None:
    lines = list(dict.fromkeys(rows["line"]))
    step = len(here) + 0.7
    for i, line in enumerate(lines):
        mine = rows[rows["line"] == line].set_index("model")
        for j, model in enumerate(name for name in here if name in mine.index):
            one, y = mine.loc[model], i * step + j
            paint = color(model_color(models.index(model)))
            _write(ax, y, number(one["value"]))
            if not np.isfinite(one["value"]):
                continue
            ends = _ends(one)
            if ends is not None:
                ax.plot(ends, [y, y], color=paint, linewidth=1.6, alpha=0.6)
            ax.plot([one["value"]], [y], "o", color=paint, markersize=4.5)
            if np.isfinite(one["ceiling"]):
                ax.plot([one["ceiling"]] * 2, [y - 0.45, y + 0.45], color=color("ink"))
    centers = [i * step + (len(here) - 1) / 2 for i in range(len(lines))]
    ax.set_yticks(centers, [shown(str(line), 16 if narrow else 30) for line in lines])
    ax.set_ylim(len(lines) * step - 0.6, -0.8)
    ax.tick_params(axis="y", length=0, labelcolor=color("ink"))
    ax.xaxis.set_major_locator(MaxNLocator(5 if narrow else 10, steps=[1, 2, 5, 10]))
    ax.grid(axis="x")


def _write(ax: Axes, y: float, text: str) -> None:
    """Write a number at the right edge, so that all of them stand in one column."""
    place = ax.get_yaxis_transform()
    ax.text(1.012, y, text, transform=place, va="center_baseline", fontsize=8)


def _ends(one: pd.Series) -> list[float] | None:
    """Return the ends of the interval; of the standard error where there is no interval."""
    if np.isfinite(one["low"]):
        return [one["low"], one["high"]]
    if np.isfinite(one["stderr"]):
        return [one["value"] - one["stderr"], one["value"] + one["stderr"]]
    return None


def _legend(
    rows: pd.DataFrame, here: Sequence[str], models: Sequence[str]
) -> tuple[list[Artist], list[str]]:
    handles: list[Artist] = [mark("o", color(model_color(models.index(name)))) for name in here]
    labels = list(here)
    if np.isfinite(rows["low"]).any():
        handles.append(Line2D([], [], color=color("muted"), linewidth=1.6))
        labels.append("95 % interval")
    if np.isfinite(rows["ceiling"]).any():
        handles.append(mark("|", color("ink"), size=9))
        labels.append("ceiling")
    return handles, labels
