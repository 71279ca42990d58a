"""Layers by steps as a map of colours, one for each region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from heschl.report.dynamics.layer_grid import LayerGrid
from heschl.report.dynamics.steps_axis import StepsAxis
from heschl.report.layer_lines import NAMED
from heschl.report.scales import COLORS, name_scale, scale
from heschl.report.style import MAX_NARROW, WIDE, shown, style

#: Dots per inch of the cells, which are a picture: thousands of them as shapes would be too large.
_DPI = 144


def plot_heat_maps(grids: Sequence[LayerGrid], axis: StepsAxis, *, width: float = WIDE) -> Figure:
    """Draw the value of each layer at each step as a colour, one map for each region.

    Parameters
    ----------
    grids : sequence of LayerGrid, not empty
        Of one measure; they share the scale of colours.
    axis : StepsAxis
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    narrow = width <= MAX_NARROW
    n_columns = 1 if narrow or len(grids) == 1 else 2
    n_rows = -(-len(grids) // n_columns)
    most = max(len(grid.layers) for grid in grids)
    low, high, extend = scale(np.concatenate([grid.values.ravel() for grid in grids]), None)
    with style():
        figure = Figure(
            figsize=(width, n_rows * (0.9 + 0.13 * min(max(most, 4), 20)) + 0.3),
            dpi=_DPI,
            layout="constrained",
        )
        axes = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).ravel()
        for ax, grid in zip(axes, grids, strict=False):
            mesh = ax.pcolormesh(
                axis.edges(np.array(grid.steps, np.float64)),
                np.arange(len(grid.layers) + 1) - 0.5,
                grid.values,
                cmap=COLORS,
                vmin=low,
                vmax=high,
                rasterized=True,
            )
            _name(ax, grid, axis, narrow=narrow, n_columns=n_columns)
        for ax in axes[len(grids) :]:
            ax.set_visible(False)
        for ax in axes[::n_columns]:
            ax.set_ylabel("layer, from 0" if most > NAMED else "layer")
        for ax in axes[max(len(grids) - n_columns, 0) : len(grids)]:
            ax.set_xlabel("step")
        place = {"location": "bottom", "aspect": 30} if narrow else {"aspect": 24}
        bar = figure.colorbar(
            mesh, ax=list(axes[: len(grids)]), extend=extend, fraction=0.05, **place
        )
        name_scale(bar, grids[0].measure.symbol)
        return figure


def _name(ax: Axes, grid: LayerGrid, axis: StepsAxis, *, narrow: bool, n_columns: int) -> None:
    axis.apply(ax, n_ticks=8 if n_columns == 1 and not narrow else 5)
    edges = axis.edges(np.array(grid.steps, np.float64))
    # the cells go beyond the first and the last step, the numbers do not
    ax.set_xticks([step for step in ax.get_xticks() if 0 <= step <= axis.last])
    ax.set_xlim(edges[0], edges[-1])
    ax.set_title(shown(grid.place))
    if len(grid.layers) <= NAMED:
        names = [shown(layer, 12 if narrow else 16) for layer in grid.layers]
        ax.set_yticks(range(len(names)), names, fontsize=7.5)
    else:
        ax.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.tick_params(length=2)
