"""Which layers a task uses: the learned shares of the layers, a line for each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from heschl.errors import InputError
from heschl.report.layer_lines import NAMED
from heschl.report.palette import category_color, category_marker, color
from heschl.report.style import MAX_NARROW, WIDE, add_legend, shown, style
from heschl.results import ProbeDetail


def plot_layer_weights(details: Sequence[ProbeDetail], *, width: float = WIDE) -> Figure:
    """Draw the shares of the layers in the mixture that probes have learned.

    One panel for each model, a line for each task: the mean over the rounds of training, with a
    band from the smallest to the largest where there are several. Equal shares, from which the
    training starts, are a dotted line.

    Parameters
    ----------
    details : sequence of ProbeDetail
        Of models with at least two layers.
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there is none, or one has a single layer.
    """
    if not details or any(len(one.layers) < 2 for one in details):
        raise InputError("expected details of probes on models with at least two layers")
    panels: dict[str, list[ProbeDetail]] = {}
    for one in details:
        panels.setdefault(one.model, []).append(one)
    names = _line_names(details)
    n_columns = 1 if width <= MAX_NARROW else min(2, len(panels))
    n_rows = -(-len(panels) // n_columns)
    with style():
        figure = Figure(figsize=(width, 2.7 * n_rows + 0.6), layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax, (model, mine) in zip(axes, panels.items(), strict=False):
            _draw_panel(ax, model, mine, names)
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        for ax in axes[::n_columns]:
            ax.set_ylabel("share of the mixture")
        add_legend(figure, *_legend(details, names), width)
        return figure


def _line_names(details: Sequence[ProbeDetail]) -> dict[tuple[str, str], str]:
    """Name each line after its task, and its protocol where there are several."""
    several = len({one.protocol for one in details}) > 1
    keys = dict.fromkeys((one.dataset, one.protocol) for one in details)
    return {
        (task, protocol): f"{shown(task, 24)}, {protocol}" if several else task
        for task, protocol in keys
    }


def _draw_panel(
    ax: Axes, model: str, details: Sequence[ProbeDetail], names: Mapping[tuple[str, str], str]
) -> None:
    place = np.arange(len(details[0].layers))
    largest = 0.0
    for one in details:
        look = _look(list(names).index((one.dataset, one.protocol)))
        weights = one.layer_weights
        here = np.arange(len(one.layers))
        if len(weights) > 1:
            low, high = weights.min(axis=0), weights.max(axis=0)
            ax.fill_between(here, low, high, color=look["color"], alpha=0.16, linewidth=0)
        ax.plot(here, weights.mean(axis=0), **look)
        largest = max(largest, float(weights.max()))
    equal = 1 / len(place)
    ax.axhline(equal, color=color("ink"), linestyle=":", linewidth=1.1, zorder=1)
    ax.set_ylim(0, max(largest, equal) * 1.08)
    ax.set_title(shown(model))
    ax.grid(axis="y")
    if len(place) <= NAMED:
        layers = [shown(layer, 14) for layer in details[0].layers]
        ax.set_xticks(place, layers, rotation=35, ha="right", fontsize=7.5)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        ax.set_xlabel("layer, from 0")


def _look(index: int) -> dict[str, Any]:
    return {
        "color": color(category_color(index)),
        "marker": category_marker(index),
        "markersize": 3.5,
        "linewidth": 1.7,
    }


def _legend(
    details: Sequence[ProbeDetail], names: Mapping[tuple[str, str], str]
) -> tuple[list[Artist], list[str]]:
    handles: list[Artist] = [Line2D([], [], **_look(i)) for i in range(len(names))]
    labels = list(names.values())
    if any(len(one.layer_weights) > 1 for one in details):
        handles.append(Patch(color=color("muted"), alpha=0.25, linewidth=0))
        labels.append("range over folds")
    handles.append(Line2D([], [], color=color("ink"), linestyle=":", linewidth=1.1))
    labels.append("equal shares")
    return handles, labels
