"""Figure 3: whether datasets, and kinds of similarity, agree about the models."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from heschl.linking import Linked
from heschl.report.palette import color
from heschl.report.paper import choice, names
from heschl.report.paper.families import Look, point_key
from heschl.report.paper.points import (
    FIT,
    Points,
    draw_fit,
    draw_points,
    find,
    in_corner,
    points_of,
    say_r,
)
from heschl.report.paper.sheet import DOUBLE, MM, SINGLE, add_key, hide, name_panels
from heschl.report.wording import number

_ACROSS, _MOST = 4, 16
#: Models without which there is no correlation.
FEWEST = 3
_EQUAL: dict[str, Any] = {"linestyle": ":", "color": color("muted"), "linewidth": 0.6}
Pair = tuple[pd.Series, pd.Series]


def agreement(linked: Linked, looks: Mapping[str, Look], interval: str) -> list[Figure]:
    """Draw figure 3: one panel for each pair of measures that differ in one thing only.

    That is the dataset, or how similarity is measured. r is that of the table of agreement.

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
    titles = names.distinct(choice.main_measures(linked), names.axis_label)
    figures = []
    for page in choice.pages(_pairs(linked), _MOST):
        n_rows = -(-len(page) // _ACROSS)
        n_columns = -(-len(page) // n_rows)
        width = SINGLE if len(page) <= 2 else DOUBLE
        height = n_rows * (width / max(n_columns, 2) + 5 * MM) + 9 * MM
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = list(figure.subplots(n_rows, n_columns, squeeze=False).ravel())
        hide(axes[len(page) :])
        shown = [
            _draw(ax, linked, pair, titles, looks) for ax, pair in zip(axes, page, strict=False)
        ]
        name_panels(axes[: len(page)], [_title(pair) for pair in page])
        drawn = {name for points in shown for name in points.models}
        entries = point_key(looks[name] for name in drawn)
        entries.append((Line2D([], [], **FIT), "least squares"))
        if any(first["unit"] == second["unit"] for first, second in page):
            entries.append((Line2D([], [], **_EQUAL), "equal"))
        add_key(figure, entries)
        figures.append(figure)
    return figures


def _pairs(linked: Linked) -> list[Pair]:
    """Pairs of measures of whole datasets that enough models have both of for a correlation."""
    table = choice.main_measures(linked)
    rows = [row for _, row in table.iterrows() if names.is_whole(row)]
    analysis = ["metric", "protocol", "unit"]
    same_dataset, same_analysis = [], []
    for first, second in itertools.combinations(rows, 2):
        if len(_points(linked, (first, second)).models) < FEWEST:
            continue
        if first["dataset"] == second["dataset"]:
            same_dataset.append((first, second))
        elif (first[analysis] == second[analysis]).all():
            # the second dataset is on the x axis, as published
            same_analysis.append((second, first))
    return same_dataset + same_analysis


def _points(linked: Linked, pair: Pair) -> Points:
    x, y = (choice.scores(linked, str(one["measure"]))["value"] for one in pair)
    return points_of(linked, x, y)


def _title(pair: Pair) -> str:
    first, second = pair
    if first["dataset"] == second["dataset"]:
        return names.dataset_label(first["dataset"])
    return names.METRICS.get(str(first["metric"]), str(first["metric"]))


def _draw(
    ax: Axes, linked: Linked, pair: Pair, titles: Mapping[str, str], looks: Mapping[str, Look]
) -> Points:
    points = _points(linked, pair)
    if pair[0]["unit"] == pair[1]["unit"]:
        both = np.concatenate([points.x, points.y])
        ends = [both.min(), both.max()]
        ax.plot(ends, ends, gid="equal", **_EQUAL)
    draw_fit(ax, points)
    draw_points(ax, points, looks)
    row = _row(linked, pair)
    lines = [say_r(row)]
    if row is not None and np.isfinite([row["low"], row["high"]]).all():
        lines.append(f"[{number(row['low'])}, {number(row['high'])}]")
    in_corner(ax, lines, float("nan") if row is None else float(row["value"]))
    x, y = (str(one["measure"]) for one in pair)
    ax.set_xlabel(titles[x])
    ax.set_ylabel(titles[y])
    return points


def _row(linked: Linked, pair: Pair) -> pd.Series | None:
    first, second = (str(one["measure"]) for one in pair)
    for one, other in ((first, second), (second, first)):
        row = find(linked.agreement, {"first": one, "second": other, "kind": "pearson"})
        if row is not None:
            return row
    return None
