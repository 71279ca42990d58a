"""The figure of two measures as a file: a point for each model, with its name."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from heschl.errors import InputError
from heschl.report.palette import color
from heschl.report.site.content import Content
from heschl.report.site.fit import Line
from heschl.report.site.kinds import look_of, looks_of
from heschl.report.site.measures import Measure
from heschl.report.site.pairs import line_of, models_with_both, points
from heschl.report.site.point_labels import label_points
from heschl.report.style import add_legend, mark, shown, style

#: Width and height in inches: the names of the points are small, so the figure is not wide.
SIZE = (6.4, 4.8)


def plot_plane(content: Content, task: Measure, brain: Measure) -> Figure:
    """Draw a task score against a brain measure, with the line of least squares and its band.

    Raises
    ------
    InputError
        If no model has both.
    """
    models = models_with_both(content, task, brain)
    if not models:
        raise InputError(f"no model has both {task.label} and {brain.label}; nothing to draw")
    x, y = points(content, task, brain)
    with style():
        figure = Figure(figsize=SIZE, layout="constrained")
        ax = figure.subplots()
        looks = [look_of(model) for model in models]
        for look in looks_of(models):
            here = np.array([one is look for one in looks])
            ax.scatter(
                x[here], y[here], s=26, marker=look.marker, color=color(look.color), zorder=3,
                edgecolors=color("paper"), linewidths=0.5,
            )  # fmt: skip
        _draw_line(ax, line_of(content, task, brain))
        ax.set_xlabel(shown(task.label, 80))
        ax.set_ylabel(shown(brain.label, 60))
        ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
        ax.grid()
        kinds = looks_of(models)
        handles = [mark(look.marker, color(look.color), size=5) for look in kinds]
        add_legend(figure, handles, [look.label for look in kinds], SIZE[0])
        label_points(figure, ax, [one.name for one in models], x, y)
        return figure


def _draw_line(ax: Axes, line: Line | None) -> None:
    if line is None:
        return
    x = np.linspace(line.start, line.end, 60)
    y, reach = line.at(x), line.band(x)
    ax.fill_between(x, y - reach, y + reach, color=color("muted"), alpha=0.16, linewidth=0)
    ax.plot(x, y, color=color("muted"), linewidth=1.2, zorder=2)
