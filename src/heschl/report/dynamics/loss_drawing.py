"""Drawing of the panel of the losses."""

from __future__ import annotations

from matplotlib.axes import Axes

from heschl.report.dynamics.losses import Losses
from heschl.report.dynamics.panel_drawing import draw_curve
from heschl.report.dynamics.steps_axis import StepsAxis
from heschl.report.palette import category_color, color


def draw_losses(ax: Axes, losses: Losses, axis: StepsAxis, n_ticks: int) -> None:
    """Draw the loss, that of each run, and its parts, on the same steps as the similarity."""
    for i, curve in enumerate(losses.parts):
        draw_curve(ax, curve, paint=part_color(i), thickness=1.1)
    for curve in losses.runs:
        draw_curve(ax, curve, paint=color("ink"), thickness=0.8, alpha=0.45)
    if losses.main is not None:
        draw_curve(ax, losses.main, paint=color("ink"), thickness=1.7)
    axis.apply(ax, n_ticks=n_ticks)
    ax.set_title("Loss")
    ax.set_ylabel("loss")
    ax.grid(axis="y")


def part_color(i: int) -> str:
    """Return the colour of the i-th part of the loss."""
    return color(category_color((0, 4, 2, 3)[i % 4]))
