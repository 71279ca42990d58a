"""The figure of the correlations of one task score with brain measures, and how firm they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.linking import OVERALL
from heschl.report.palette import color
from heschl.report.site.content import Content
from heschl.report.site.correlations import ALL_MODELS
from heschl.report.site.measures import Measure
from heschl.report.site.numbers import r_text
from heschl.report.style import MAX_NARROW, WIDE, add_legend, legend_height, mark, shown, style

#: Brain measures that are drawn at most.
MAX_ROWS = 40


def drawn_brains(content: Content, task: Measure) -> list[Measure]:
    """Return the brain measures whose correlation with a task score is known."""
    known = [one for one in content.brains if _value(content, task, one, ALL_MODELS) is not None]
    return known[:MAX_ROWS]


def plot_correlations(content: Content, task: Measure, *, width: float = WIDE) -> Figure:
    """Draw Pearson's r over models of one task score with every brain measure.

    Each with its interval, without the weakest models, and without each family where known.

    Raises
    ------
    InputError
        If no correlation is known.
    """
    brains = drawn_brains(content, task)
    if not brains:
        raise InputError(f"no correlation of {task.label} with a brain measure; nothing to draw")
    narrow = width <= MAX_NARROW
    with style():
        handles, labels = _legend(content, task, brains)
        height = 0.85 + 0.3 * len(brains) + legend_height(labels, width)
        figure = Figure(figsize=(width, height), layout="constrained")
        ax = figure.subplots()
        for y, brain in enumerate(brains):
            _draw_row(ax, content, task, brain, y)
        ax.axvline(0, color=color("muted"), linewidth=0.9, zorder=0.5)
        ax.set_xlim(_left_end(content, task, brains), 1.02)
        ax.set_yticks(
            range(len(brains)), [shown(one.label, 20 if narrow else 44) for one in brains]
        )
        ax.set_ylim(len(brains) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0, labelcolor=color("ink"))
        for side in ("bottom", "left"):
            ax.spines[side].set_visible(False)
        ax.grid(axis="x")
        ax.set_xlabel("Pearson’s r over models")
        add_legend(figure, handles, labels, width)
        return figure


def _draw_row(ax: Axes, content: Content, task: Measure, brain: Measure, y: int) -> None:
    found = content.correlation(task, brain)
    if found is None:
        return
    for value in _without(content, task, brain):
        ax.plot([value] * 2, [y - 0.26, y + 0.26], color=color("muted"), linewidth=1.1, zorder=2)
    if found.has_interval:
        ends = [found.low, found.high]
        ax.plot(ends, [y, y], color=color("accent"), linewidth=5, alpha=0.28, zorder=1)
    ax.plot([found.value], [y], "o", color=color("accent"), markersize=6, zorder=4)
    for subset in subsets(content)[1:]:
        other = _value(content, task, brain, subset)
        if other is not None:
            ax.plot(
                [other], [y], "D", color=color("m1"), markersize=5, markerfacecolor=color("paper"),
                markeredgewidth=1.3, zorder=3,
            )  # fmt: skip
    ax.text(
        1.012, y, r_text(found.value), transform=ax.get_yaxis_transform(), va="center_baseline",
        fontsize=8.5,
    )  # fmt: skip


def subsets(content: Content) -> list[str]:
    """Return the subsets of models that correlations were computed over, all models first."""
    return sorted(dict.fromkeys(key[2] for key in content.correlations), key=ALL_MODELS.__ne__)


def _value(content: Content, task: Measure, brain: Measure, subset: str) -> float | None:
    found = content.correlation(task, brain, subset=subset)
    return found.value if found is not None and found.known else None


def _without(content: Content, task: Measure, brain: Measure) -> NDArray[np.float64]:
    """Return r without each family; they are known for the overall score."""
    table = content.linked.without_family
    if task.name != OVERALL or table.empty:
        return np.empty(0)
    values = table.loc[table["brain"] == brain.name, "value"].to_numpy(np.float64, na_value=np.nan)
    return np.asarray(values[np.isfinite(values)])


def _left_end(content: Content, task: Measure, brains: Sequence[Measure]) -> float:
    values = [0.0]
    for brain in brains:
        found = content.correlation(task, brain)
        if found is not None:
            values += [found.value, found.low, *_without(content, task, brain)]
        for subset in subsets(content)[1:]:
            values.append(_value(content, task, brain, subset) or 0.0)
    return max(float(np.nanmin(values)) - 0.05, -1.02)


def _legend(
    content: Content, task: Measure, brains: Sequence[Measure]
) -> tuple[list[Artist], list[str]]:
    handles: list[Artist] = [mark("o", color("accent"), size=6)]
    labels = ["all models"]
    rows = [content.correlation(task, brain) for brain in brains]
    if any(one is not None and one.has_interval for one in rows):
        handles.append(Line2D([], [], color=color("accent"), linewidth=5, alpha=0.28))
        labels.append("95 % interval over models")
    for subset in subsets(content)[1:]:
        if any(_value(content, task, brain, subset) is not None for brain in brains):
            handles.append(mark("D", color("m1"), fill=color("paper"), size=5))
            labels.append(f"models with {subset.replace('-', '−')}")
    if any(_without(content, task, brain).size for brain in brains):
        handles.append(mark("|", color("muted"), size=9))
        labels.append("without one family")
    return handles, labels


def describe_correlations(content: Content, task: Measure) -> str:
    """Describe the figure for those who cannot see it."""
    told = []
    for brain in drawn_brains(content, task):
        found = content.correlation(task, brain)
        if found is not None:
            told.append(f"{brain.label}: {r_text(found.value)}")
    return f"Points of Pearson’s r over models of {task.label} with {'; '.join(told)}."
