"""Bars of the scores on hearing tasks: a panel for each task, a bar for each model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from heschl.errors import InputError
from heschl.report import selection
from heschl.report.palette import color, model_color
from heschl.report.style import MAX_NARROW, WIDE, add_legend, mark, shown, style
from heschl.report.task_selection import UNITS, TaskGroup, TaskScore, level, task_groups
from heschl.report.wording import number
from heschl.results import Results

#: Units that end at 1.
_SHARES = ("accuracy", "mAP", "auc")


def plot_tasks(results: Results, *, width: float = WIDE) -> Figure:
    """Draw the official score of every model on every hearing task.

    One panel for each task and protocol, a bar for each model, with the interval over clips, a dot
    for each fold, and chance: for accuracy the share of the most frequent class (1 / n_classes
    where classes are balanced), for mean average precision the mean prevalence, for the area under
    the curve 0.5, for d' 0.

    Parameters
    ----------
    results : Results
        With scores of the metric "probe".
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there is no score of a task.
    """
    groups = [group for group in task_groups(results) if group.known]
    if not groups:
        raise InputError(
            "the results hold no scores of hearing tasks, so there is nothing to draw; expected "
            'at least one finite score of the metric "probe"'
        )
    with style():
        return _draw(results, groups, width)


def _draw(results: Results, groups: Sequence[TaskGroup], width: float) -> Figure:
    narrow = width <= MAX_NARROW
    models = selection.model_names(results)
    several = len({group.protocol for group in groups}) > 1
    heights = [0.5 + 0.23 * len(group.scores) + 0.15 * (several and narrow) for group in groups]
    figure = Figure(figsize=(width, sum(heights) + 0.7), layout="constrained")
    axes = figure.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
    for i, (ax, group) in enumerate(zip(axes, groups, strict=True)):
        _draw_panel(ax, group, models, narrow)
        ax.set_title(_title(group, several, narrow))
        # Panels of one scale share the numbers under the last of them.
        last = i + 1 == len(groups) or _limits(groups[i + 1]) != _limits(group)
        ax.tick_params(axis="x", labelbottom=last)
    add_legend(figure, *_legend(results, groups), width)
    return figure


def _title(group: TaskGroup, several: bool, narrow: bool) -> str:
    """Return task and unit, and the protocol if there are several: on a phone, in two lines."""
    unit = UNITS.get(group.unit, shown(group.unit, 12))
    if not several:
        return f"{shown(group.task, 16 if narrow else 60)}: {unit}"
    task, protocol = shown(group.task, 25 if narrow else 50), shown(group.protocol, 14)
    separator = "\n" if narrow else ", "
    return f"{task}{separator}{protocol}: {unit}"


def _limits(group: TaskGroup) -> tuple[float, float]:
    """Return the ends of the axis: 0 and 1 for shares."""
    if group.unit in _SHARES:
        return 0.0, 1.0
    values = [0.0, 0.1]
    for score in group.scores:
        values += [score.value, score.low, score.high, score.chance, *score.folds]
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return low * 1.04, high * 1.04


def _draw_panel(ax: Axes, group: TaskGroup, models: Sequence[str], narrow: bool) -> None:
    ax.set_xlim(*_limits(group))
    for y, score in enumerate(group.scores):
        _draw_bar(ax, score, y, color(model_color(models.index(score.model))))
    names = [shown(score.model, 16 if narrow else 34) for score in group.scores]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, labelcolor=color("ink"))
    ax.spines["bottom"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5 if narrow else 10, steps=[1, 2, 5, 10]))
    ax.grid(axis="x")


def _draw_bar(ax: Axes, score: TaskScore, y: int, paint: str) -> None:
    ax.text(
        1.012, y, number(score.value), transform=ax.get_yaxis_transform(), va="center_baseline",
        fontsize=8.5, color=color("ink" if np.isfinite(score.value) else "muted"),
    )  # fmt: skip
    if not np.isfinite(score.value):
        return
    ax.barh(y, score.value, height=0.74, color=paint, alpha=0.32, linewidth=0)
    ax.plot([score.value] * 2, [y - 0.37, y + 0.37], color=paint, linewidth=2.2)
    if np.isfinite(score.chance):
        ends = [y - 0.48, y + 0.48]
        ax.plot([score.chance] * 2, ends, color=color("muted"), linewidth=1.3, linestyle=":")
    if np.isfinite([score.low, score.high]).all():
        ax.plot([score.low, score.high], [y, y], color=color("ink"), linewidth=1.4)
    folds = score.folds[np.isfinite(score.folds)]
    if folds.size:
        # A golden-ratio sequence spreads the dots evenly, the same way every time.
        places = y + (np.arange(len(folds)) * 0.6180339887 % 1 - 0.5) * 0.5
        ax.plot(folds, places, "o", color=paint, markersize=3, markeredgewidth=0)


def _legend(results: Results, groups: Sequence[TaskGroup]) -> tuple[list[Artist], list[str]]:
    scores = [score for group in groups for score in group.scores]
    handles: list[Artist] = [mark("|", color("muted"), size=9)]
    labels = ["score"]
    handles[0].set(markeredgewidth=2.2)
    levels = {level(results, one.provenance) for one in scores if np.isfinite(one.low)}
    if levels:
        handles.append(Line2D([], [], color=color("ink"), linewidth=1.4))
        labels.append(f"{', '.join(sorted(levels))} interval")
    if any(np.isfinite(score.folds).any() for score in scores):
        handles.append(mark("o", color("muted"), size=3))
        labels.append("a fold")
    if any(np.isfinite(score.chance) for score in scores):
        handles.append(Line2D([], [], color=color("muted"), linewidth=1.3, linestyle=":"))
        labels.append("chance")
    return handles, labels
