"""Figure 6: whether models that are better at hearing tasks are more similar to the brain."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from heschl.linking import OVERALL, Linked
from heschl.report.paper import choice, names
from heschl.report.paper.families import Look, point_key
from heschl.report.paper.point_names import name_points
from heschl.report.paper.points import (
    FIT,
    Dashes,
    Points,
    draw_fit,
    draw_points,
    find,
    fit,
    points_of,
    say_p,
    say_r,
)
from heschl.report.paper.sheet import DOUBLE, MM, SINGLE, SMALL, add_key, hide, name_panels

_ACROSS, _MOST = 2, 6
#: Models at or below it are left out of the second correlation (the subset "overall > -1").
LEAST = -1.0
#: Subsets of the table of correlations, how the line through each looks, and its name in print.
SUBSETS: dict[str, tuple[Dashes, str]] = {
    "all models": ("--", "all"),
    "overall > -1": (":", "overall > −1"),
}


def downstream(linked: Linked, looks: Mapping[str, Look], interval: str) -> list[Figure]:
    """Draw figure 6: overall score on tasks against each measure of the brain, models named.

    r and p are those of the table of correlations.

    Parameters
    ----------
    linked : Linked
    looks : mapping of str to Look
        Of every model.
    interval : str
        Not shown; as in the other figures.

    Returns
    -------
    list of Figure
    """
    measures = choice.main_measures(linked)
    measures = measures[[len(_points(linked, row).x) > 0 for _, row in measures.iterrows()]]
    titles = names.distinct(measures, names.panel_title)
    figures = []
    for page in choice.pages([row for _, row in measures.iterrows()], _MOST):
        n_columns = min(_ACROSS, len(page))
        n_rows = -(-len(page) // n_columns)
        width = DOUBLE if n_columns > 1 else SINGLE
        figure = Figure(figsize=(width, n_rows * 80 * MM + 8 * MM), layout="constrained")
        axes = list(figure.subplots(n_rows, n_columns, squeeze=False).ravel())
        hide(axes[len(page) :])
        panels = [(ax, _draw(ax, linked, row, looks)) for ax, row in zip(axes, page, strict=False)]
        name_panels(axes[: len(page)], [titles[row["measure"]] for row in page])
        drawn = {name for _, points in panels for name in points.models}
        add_key(figure, point_key(looks[name] for name in drawn))
        name_points(figure, panels, looks)
        figures.append(figure)
    return figures


def _points(linked: Linked, measure: pd.Series) -> Points:
    y = choice.scores(linked, str(measure["measure"]))["value"]
    return points_of(linked, linked.models.set_index("model")["overall"], y)


def _draw(ax: Axes, linked: Linked, measure: pd.Series, looks: Mapping[str, Look]) -> Points:
    points = _points(linked, measure)
    above = points.x > LEAST
    _make_room(ax, points)
    handles, texts = [], []
    for subset, (dashes, name) in SUBSETS.items():
        best = subset != "all models"
        if best and above.all():
            continue  # the same models once more
        kept = above if best else np.full(len(above), True)
        models = tuple(np.array(points.models)[kept])
        draw_fit(ax, Points(models, points.x[kept], points.y[kept]), linestyle=dashes)
        handles.append(Line2D([], [], **FIT | {"linestyle": dashes}))
        texts.append(f"{name}: {_numbers(linked, measure, subset)}")
    draw_points(ax, points, looks)
    ax.legend(
        handles, texts, loc="lower right", fontsize=SMALL, handlelength=1.8,
        borderaxespad=0.3, borderpad=0.2, labelspacing=0.3,
    )  # fmt: skip
    ax.set_xlabel("overall score on tasks (mean z)")
    ax.set_ylabel(names.axis_label(measure))
    return points


def _numbers(linked: Linked, measure: pd.Series, subset: str) -> str:
    wanted = {"task": OVERALL, "brain": str(measure["measure"])}
    row = find(linked.correlations, wanted | {"subset": subset, "kind": "pearson"})
    if row is None:
        return say_r(None)
    return f"{say_r(row)}, {say_p(float(row['p']))} (n = {int(row['n'])})"


def _make_room(ax: Axes, points: Points) -> None:
    """Set the range: room for names all around, and below all points for the numbers."""
    ax.margins(x=0.09)
    everything = np.concatenate([points.y, fit(points)[1]])
    low, high = float(everything.min()), float(everything.max())
    span = high - low or abs(high) or 1.0
    ax.set_ylim(low - 0.22 * span, high + 0.1 * span)
