"""When each layer has reached half of its rise: dots over the layers in order of execution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from heschl.report.dynamics.layer_axis import name_layers
from heschl.report.dynamics.steps_axis import StepsAxis
from heschl.report.palette import category_color, category_marker, color
from heschl.report.style import WIDE, add_legend, legend_height, style

#: The dots of one layer stand beside each other in this part of the space between two layers.
_SPREAD = 0.36


@dataclass(frozen=True)
class Rise:
    """When the layers rose, of one measure in one region.

    Attributes
    ----------
    label : str
    steps : dict of str to float
        For each layer that rose, the step at half of its rise.
    """

    label: str
    steps: dict[str, float]


def plot_rises(
    rises: Sequence[Rise], layers: Sequence[str], axis: StepsAxis, *, width: float = WIDE
) -> Figure:
    """Draw the step at half of its rise over the layers, a colour and a shape for each region.

    Parameters
    ----------
    rises : sequence of Rise, not empty
    layers : sequence of str
        All of them, in order of execution.
    axis : StepsAxis
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    places = {layer: i for i, layer in enumerate(layers)}
    labels = [one.label for one in rises]
    handles: list[Artist] = [Line2D([], [], **_look(i)) for i in range(len(rises))]
    with style():
        height = 3.0 + legend_height(labels, width)
        figure = Figure(figsize=(width, height), layout="constrained")
        ax = figure.subplots()
        for i, one in enumerate(rises):
            aside = _SPREAD * (i - (len(rises) - 1) / 2) / max(len(rises) - 1, 1)
            there = [places[layer] + aside for layer in one.steps]
            ax.plot(there, list(one.steps.values()), **_look(i))
        axis.apply(ax, n_ticks=6, upright=True)
        ax.set_ylim(*_limits(rises, axis))
        ax.set_ylabel("step at half of the rise")
        ax.grid(axis="y")
        name_layers(ax, layers, width)
        add_legend(figure, handles, labels, width)
        return figure


def _limits(rises: Sequence[Rise], axis: StepsAxis) -> tuple[float, float]:
    """Return the ends of the axis of steps: from 0 on where steps are even."""
    steps = [step for one in rises for step in one.steps.values()]
    low, high = axis.limits()
    return (min(steps) / 2 if axis.log else low), min(high, 1.15 * max(steps))


def _look(i: int) -> dict[str, Any]:
    return {
        "color": color(category_color(i)),
        "marker": category_marker(i),
        "markersize": 5,
        "linewidth": 0.8,
    }
