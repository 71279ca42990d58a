"""The main figures: similarity over steps, one panel beside another, and the loss with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from heschl.report.dynamics.course_legend import legend
from heschl.report.dynamics.loss_drawing import draw_losses
from heschl.report.dynamics.losses import Losses
from heschl.report.dynamics.panel_drawing import draw_panel, value_limits
from heschl.report.dynamics.panel_places import places
from heschl.report.dynamics.panels import Panel
from heschl.report.dynamics.reference_lines import other_models
from heschl.report.dynamics.steps_axis import StepsAxis
from heschl.report.style import MAX_NARROW, WIDE, add_legend, legend_height, style


def plot_course(
    panels: Sequence[Panel],
    layers: Sequence[str],
    axis: StepsAxis,
    *,
    losses: Losses | None = None,
    n_columns: int = 2,
    alike: bool = False,
    height: float = 2.6,
    width: float = WIDE,
) -> Figure:
    """Draw similarity over steps, a line for each layer, and the loss on the same steps.

    Parameters
    ----------
    panels : sequence of Panel, not empty
    layers : sequence of str
        All layers, in order of execution, which gives each its colour.
    axis : StepsAxis
    losses : Losses, optional
        They get the last panel.
    n_columns : int, optional
        Of panels, where there is room.
    alike : bool, optional
        Whether all panels have the same axis of values.
    height : float, optional
        Of a panel, in inches.
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    n_panels = len(panels) + (losses is not None)
    there = places(n_panels, n_columns, width)
    others = other_models(panels)
    # names beside the lines need the room that many panels do not have
    named = there.n_columns <= 2 and width > MAX_NARROW
    handles, labels = legend(panels, layers, losses, levels_too=not named)
    with style():
        figure = Figure(
            figsize=(width, height * there.n_rows + 0.2 + legend_height(labels, width)),
            layout="constrained",
        )
        axes = there.axes(figure)
        n_ticks = _n_ticks(width / there.n_columns)
        for ax, panel in zip(axes, panels, strict=False):
            limits = value_limits(panels if alike else [panel], others)
            draw_panel(
                ax, panel, layers, axis, others=others, limits=limits, named=named, n_ticks=n_ticks
            )
        if losses is not None:
            draw_losses(axes[-1], losses, axis, n_ticks)
        for i, ax in enumerate(axes):
            ax.set_xlabel("step" if there.lowest(i) else "")
            if i < len(panels) and (not alike or there.at_left(i)):
                ax.set_ylabel(panels[i].symbol)
        add_legend(figure, handles, labels, width)
        return figure


def _n_ticks(width: float) -> int:
    """Return how many steps can be written under a panel of a width in inches."""
    return int(np.clip(width * 1.3, 3, 8))
