"""The values of all layers at one step: what the stepped view shows where there is no script."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from heschl.report.dynamics.depth_colors import depth_colors
from heschl.report.dynamics.layer_axis import name_layers
from heschl.report.dynamics.layer_grid import LayerGrid
from heschl.report.palette import color
from heschl.report.style import WIDE, style


def plot_profile(grid: LayerGrid, *, width: float = WIDE) -> Figure:
    """Draw the values of the layers at the last step, and those at the first one as a faint line.

    Parameters
    ----------
    grid : LayerGrid
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    place = np.arange(len(grid.layers))
    with style():
        figure = Figure(figsize=(width, 3.0), layout="constrained")
        ax = figure.subplots()
        ax.plot(place, grid.values[:, 0], color=color("muted"), linewidth=1.1, linestyle="--")
        ax.plot(place, grid.values[:, -1], color=color("ink"), linewidth=1.8)
        for i, paint in enumerate(depth_colors(len(place))):
            ax.plot([i], [grid.values[i, -1]], "o", color=paint, markersize=6)
        ax.set_ylabel(grid.measure.symbol)
        ax.grid(axis="y")
        name_layers(ax, grid.layers, width)
        return figure
