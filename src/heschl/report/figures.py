"""Figures of results: matplotlib figures made without pyplot, so that nothing global changes."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from heschl.errors import InputError
from heschl.report import selection
from heschl.report.bar_panels import draw_panels
from heschl.report.bars import panels_of
from heschl.report.scatter import draw_scatter
from heschl.report.style import WIDE, style
from heschl.results import Detail, Results


def plot_scores(results: Results, *, width: float = WIDE) -> Figure:
    """Draw the r2 of every model beside what was published and what could be reached.

    Datasets of up to 12 targets: one bar for each target and model. Larger ones: the median of
    each listener, and of each region where known, with dots for the distribution over targets.

    Parameters
    ----------
    results : Results
        With details.
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; show it in a notebook, or call its ``savefig``.

    Raises
    ------
    InputError
        If the results hold no details, or not one score.
    """
    groups = selection.analyses(results)
    if not groups:
        raise InputError(
            "the results hold no details, so there is nothing to draw; expected the results of "
            "a run, or those of Results.load(folder)"
        )
    if not any(np.isfinite(one.r2).any() for one in results.details):
        raise InputError(
            "every target of every model was left out, so there is nothing to draw; expected at "
            "least one finite r2"
        )
    models = selection.model_names(results)
    panels = [
        panel for group in groups for panel in panels_of(results, group, models, len(groups) > 1)
    ]
    with style():
        return draw_panels(panels, models, groups, width)


def plot_predictions(detail: Detail, *, width: float = WIDE) -> Figure:
    """Draw predicted against measured responses, one panel for each of a few targets.

    Which targets: `heschl.report.selection.shown_targets`. Each dot is a sound that the model was
    not fitted to; colour and shape are its category. The dashed line is where both are equal.

    Parameters
    ----------
    detail : Detail
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If no target has a score.
    """
    targets = selection.shown_targets(detail)
    if not targets:
        raise InputError(
            f"{detail.model} on {detail.dataset}: no target has a score, so there is nothing to "
            "draw; expected at least one finite r2"
        )
    with style():
        return draw_scatter(detail, targets, width)
