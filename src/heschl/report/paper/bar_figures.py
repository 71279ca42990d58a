"""Figures 2 and 4: how similar to the brain every model is, as a whole and in each component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from heschl.linking import Linked
from heschl.report.paper import choice, names
from heschl.report.paper.bar_drawing import draw_bar_panels
from heschl.report.paper.bars import bar_panel, kind_of_errors
from heschl.report.paper.families import Look
from heschl.report.paper.sheet import DOUBLE, SINGLE

#: Panels beside each other, and on a page.
_ACROSS, _MOST = 6, 12
_FEWER, _MOST_TARGETS = 3, 6


def brain_similarity(linked: Linked, looks: Mapping[str, Look], interval: str) -> list[Figure]:
    """Draw figure 2: every measure of a whole dataset, models in the order of the first.

    Parameters
    ----------
    linked : Linked
    looks : mapping of str to Look
        Of every model.
    interval : str
        What intervals are called, with their level.

    Returns
    -------
    list of Figure
        More than one where there are too many measures for a page.
    """
    measures = choice.main_measures(linked)
    if measures.empty:
        return []
    models, baseline = choice.drawn_bars(linked)
    ordered = _sorted(linked, measures.iloc[0], models)
    errors = kind_of_errors(linked, measures["measure"].tolist())
    titles = names.distinct(measures, names.panel_title)
    figures = []
    for page in choice.pages([row for _, row in measures.iterrows()], _MOST):
        panels = [
            bar_panel(linked, row, titles[row["measure"]], ordered, baseline, looks, errors=errors)
            for row in page
        ]
        n_columns = _columns(len(panels), _ACROSS)
        width = SINGLE if len(panels) == 1 else DOUBLE
        words = _words(errors, interval)
        figures.append(draw_bar_panels(panels, n_columns, width, words, same_order=True))
    return figures


def component_similarity(linked: Linked, looks: Mapping[str, Look], interval: str) -> list[Figure]:
    """Draw figure 4: every component by itself, models in its own order.

    Parameters and what is returned are those of `brain_similarity`; each dataset and analysis has
    a figure of its own.
    """
    models, baseline = choice.drawn_bars(linked)
    figures = []
    for group in choice.target_groups(linked):
        errors = kind_of_errors(linked, group["measure"].tolist())
        titles = names.distinct(group, names.panel_title)
        draw = partial(bar_panel, linked, baseline=baseline, looks=looks, errors=errors)
        for page in choice.pages([row for _, row in group.iterrows()], _MOST_TARGETS):
            panels = [
                draw(row, titles[row["measure"]], _sorted(linked, row, models)) for row in page
            ]
            n_columns = _columns(len(panels), _FEWER)
            width = SINGLE if len(panels) == 1 else DOUBLE
            words = _words(errors, interval)
            figures.append(draw_bar_panels(panels, n_columns, width, words, same_order=False))
    return figures


def _columns(n_panels: int, most: int) -> int:
    """Return how many panels are beside each other, rows being filled evenly."""
    n_rows = -(-n_panels // most)
    return -(-n_panels // n_rows)


def _sorted(linked: Linked, measure: pd.Series, models: Sequence[str]) -> list[str]:
    """Sort models, the best first; those without a value last."""
    values = choice.scores(linked, str(measure["measure"]))["value"].astype(float)
    missing = float("-inf")
    return sorted(models, key=lambda name: -float(values.get(name, missing)))


def _words(errors: str, interval: str) -> str:
    return {"stderr": "± standard error", "interval": interval}.get(errors, "")
