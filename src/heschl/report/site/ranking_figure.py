"""The figure of one measure: a line for each model, the highest first, with its controls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from heschl.errors import InputError
from heschl.report.palette import color
from heschl.report.site.content import Content
from heschl.report.site.kinds import Look, look_of, looks_of
from heschl.report.site.measures import Measure, Model
from heschl.report.style import MAX_NARROW, WIDE, add_legend, legend_height, mark, shown, style
from heschl.report.wording import number

#: Marks of the kinds of controls; others have the first.
CONTROLS = {"random": "x", "permuted": "+"}


def plot_ranking(
    content: Content, measure: Measure, *, chance: float = float("nan"), width: float = WIDE
) -> Figure:
    """Draw the value of every model in one measure, with its interval and ceiling.

    Controls are marks in the line of their model.

    Raises
    ------
    InputError
        If no model has a value.
    """
    models = content.ranked(measure)
    if not models:
        raise InputError(f"no model has {measure.label}; expected at least one")
    with style():
        figure = Figure(layout="constrained")
        ax = figure.subplots()
        kinds = _draw_controls(ax, content, measure, models)
        for look in looks_of(models):
            _draw_models(ax, content, measure, models, look)
        has_ceiling = _draw_ceiling(ax, content, measure, models)
        if np.isfinite(chance):
            ax.axvline(chance, color=color("muted"), linewidth=1.2, linestyle=":", zorder=1)
        limit = 15 if width <= MAX_NARROW else 36
        ax.set_yticks(range(len(models)), [shown(model.name, limit) for model in models])
        ax.set_ylim(len(models) - 0.3, -0.7)
        ax.tick_params(axis="y", length=0, labelcolor=color("ink"))
        ax.spines["bottom"].set_visible(False)
        ax.spines["left"].set_visible(False)
        ax.xaxis.set_major_locator(MaxNLocator(5 if width <= MAX_NARROW else 9))
        ax.grid(axis="x")
        ax.set_xlabel(shown(measure.label, 40 if width <= MAX_NARROW else 90))
        handles, labels = _legend(content, measure, kinds, has_ceiling, chance)
        figure.set_size_inches(width, 0.85 + 0.22 * len(models) + legend_height(labels, width))
        add_legend(figure, handles, labels, width)
        return figure


def _draw_models(
    ax: Axes, content: Content, measure: Measure, models: Sequence[Model], look: Look
) -> None:
    """Draw the models of one look at once, which makes the drawing small."""
    places = np.array([y for y, model in enumerate(models) if look_of(model) is look])
    found = [content.value(models[y].name, measure) for y in places]
    ends = np.array([[one.low, one.high] for one in found])
    known = np.isfinite(ends).all(axis=1)
    paint = color(look.color)
    ax.hlines(places[known], *ends[known].T, color=paint, linewidth=1.7, alpha=0.55)
    values = [one.value for one in found]
    ax.plot(
        values, places, look.marker, color=paint, markersize=5.5, zorder=4,
        markeredgecolor=color("paper"), markeredgewidth=0.5,
    )  # fmt: skip
    for y, value in zip(places, values, strict=True):
        ax.text(
            1.012, y, number(value, 3), transform=ax.get_yaxis_transform(), va="center_baseline",
            fontsize=8,
        )  # fmt: skip


def _draw_controls(
    ax: Axes, content: Content, measure: Measure, models: Sequence[Model]
) -> list[str]:
    """Draw the controls; return their kinds."""
    places = {model.name: y for y, model in enumerate(models)}
    kinds: dict[str, list[tuple[float, int]]] = {}
    for one in content.controls:
        found = content.value(one.name, measure)
        if one.base in places and found.known:
            kinds.setdefault(one.control, []).append((found.value, places[one.base]))
    for kind, points in kinds.items():
        ax.plot(
            *np.array(points).T, CONTROLS.get(kind, "x"), color=color("muted"), markersize=5,
            markeredgewidth=1.2, zorder=3,
        )  # fmt: skip
    return list(kinds)


def _draw_ceiling(ax: Axes, content: Content, measure: Measure, models: Sequence[Model]) -> bool:
    """Draw the ceiling, one line if it is the same for all; return whether it is known."""
    tops = np.array([content.value(model.name, measure).ceiling for model in models])
    known = np.isfinite(tops)
    if not known.any():
        return False
    if np.ptp(tops[known]) < 1e-9:
        ax.axvline(tops[known][0], color=color("ink"), linewidth=1.4, zorder=1)
    else:
        places = np.flatnonzero(known)
        ax.vlines(tops[places], places - 0.4, places + 0.4, color=color("ink"), linewidth=1.4)
    return True


def _legend(
    content: Content,
    measure: Measure,
    controls: Sequence[str],
    has_ceiling: bool,
    chance: float,
) -> tuple[list[Artist], list[str]]:
    models = content.ranked(measure)
    looks = looks_of(models)
    handles: list[Artist] = [mark(look.marker, color(look.color), size=5.5) for look in looks]
    labels = [look.label for look in looks]
    if any(np.isfinite(content.value(one.name, measure).low) for one in models):
        handles.append(Line2D([], [], color=color("muted"), linewidth=1.7))
        labels.append("95 % interval")
    for kind in controls:
        handles.append(mark(CONTROLS.get(kind, "x"), color("muted"), size=5))
        labels.append(f"control: {kind} weights")
    if has_ceiling:
        handles.append(mark("|", color("ink"), size=10))
        labels.append("ceiling")
    if np.isfinite(chance):
        handles.append(Line2D([], [], color=color("muted"), linewidth=1.2, linestyle=":"))
        labels.append("chance")
    return handles, labels
