"""Scores of every layer by itself: a line for each region, the ceiling, one panel a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.report.intervals import UNITS
from heschl.report.palette import CATEGORIES, color
from heschl.report.style import MAX_NARROW, WIDE, add_legend, shown, style
from heschl.results import Profile

FloatArray = NDArray[np.float64]

EVERYWHERE = "all regions"
#: Up to this many layers are named under the axis.
NAMED = 14


def region_curves(profile: Profile) -> tuple[dict[str, FloatArray], dict[str, float]]:
    """Mean over listeners of each layer's score, all and in each region, and of the ceiling.

    Of a profile of targets the median over each listener's targets comes first.

    Returns
    -------
    curves : dict of str to ndarray, shape (n_layers,)
    ceilings : dict of str to float
    """
    table = profile.groups
    listener = table.get("listener", pd.Series(["all"] * len(table))).astype(str)
    region = table.get("region", pd.Series([None] * len(table), dtype=object)).astype(object)
    values = pd.DataFrame(profile.scores).assign(ceiling=profile.ceiling)
    # a target whose score is missing has no part in the ceiling either
    values.loc[np.isnan(profile.scores).any(axis=1), "ceiling"] = np.nan
    curves: dict[str, FloatArray] = {}
    ceilings: dict[str, float] = {}
    for name in (EVERYWHERE, *sorted(region.dropna().unique())):
        rows = region == name
        if name == EVERYWHERE:
            rows = pd.Series(True, index=table.index) if profile.of_targets else region.isna()
        if not rows.any():
            continue
        means = values[rows].groupby(listener[rows]).median().mean()
        curves[name] = means.drop("ceiling").to_numpy(np.float64)
        ceilings[name] = float(means["ceiling"])
    return curves, ceilings


def plot_layers(profiles: Sequence[Profile], *, width: float = WIDE) -> Figure:
    """Draw how well each layer does by itself, one panel for each model.

    Parameters
    ----------
    profiles : sequence of Profile
        Of models with at least two layers, in one unit.
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
    if not profiles or any(len(profile.layers) < 2 for profile in profiles):
        raise InputError("expected profiles of models with at least two layers")
    n_columns = 1 if width <= MAX_NARROW else min(2, len(profiles))
    n_rows = -(-len(profiles) // n_columns)
    with style():
        figure = Figure(figsize=(width, 2.9 * n_rows + 0.5), layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).ravel()
        labels: dict[str, int] = {}
        for ax, profile in zip(axes, profiles, strict=False):
            _draw(ax, profile, labels)
        for ax in axes[len(profiles) :]:
            ax.set_visible(False)
        for ax in axes[::n_columns]:
            ax.set_ylabel(UNITS.get(profiles[0].unit, profiles[0].unit).partition(" (")[0])
        handles = [Line2D([], [], **_look(name, index)) for name, index in labels.items()]
        handles.append(Line2D([], [], color=color("muted"), linestyle="--", linewidth=1.1))
        add_legend(figure, handles, [*labels, "ceiling"], width)
        return figure


def _draw(ax: Axes, profile: Profile, labels: dict[str, int]) -> None:
    curves, ceilings = region_curves(profile)
    place = np.arange(len(profile.layers))
    for name, curve in curves.items():
        ax.plot(place, curve, **_look(name, labels.setdefault(name, len(labels))))
    top = ceilings.get(EVERYWHERE, float("nan"))
    if np.isfinite(top):
        ax.axhline(top, color=color("muted"), linestyle="--", linewidth=1.1)
    ax.set_title(shown(profile.model))
    ax.grid(axis="y")
    if len(place) <= NAMED:
        names = [shown(layer, 14) for layer in profile.layers]
        ax.set_xticks(place, names, rotation=35, ha="right", fontsize=7.5)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        ax.set_xlabel("layer, from 0")


def _look(name: str, index: int) -> dict[str, Any]:
    if name == EVERYWHERE:
        return {"color": color("ink"), "linewidth": 2.2, "marker": "o", "markersize": 3.5}
    kinds = list(CATEGORIES)
    return {
        "color": color(kinds[(index - 1) % len(kinds)]),
        "linewidth": 1.3,
        "marker": "os^Dv"[index % 5],
        "markersize": 3,
    }
