"""At which relative depth of a model each region is predicted best, listener by listener."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from heschl.encode import DepthByRegion, compare_regions
from heschl.report.palette import color
from heschl.report.style import WIDE, style

REFERENCE = "Primary"


def plot_depth(found: DepthByRegion, *, width: float = WIDE) -> Figure:
    """Draw the mean relative depth of the best layer in each region.

    A faint line for each listener, a dot with standard error for the mean; below each region the q
    of its difference to the primary region where that can be tested.

    Parameters
    ----------
    found : DepthByRegion
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    order = _order(found.regions)
    place = np.arange(len(order))
    with style():
        figure = Figure(figsize=(min(width, 6.5), 3.2), layout="constrained")
        ax = figure.subplots()
        for line in found.depth[:, order]:
            ax.plot(
                place, line, color=color("muted"), alpha=0.45, linewidth=1.0, marker="o",
                markersize=2.5,
            )  # fmt: skip
        error = np.nan_to_num(found.stderr[order])
        ax.errorbar(
            place, found.mean[order], error, color=color("m0"), linewidth=1.8, marker="o",
            markersize=6, capsize=3,
        )  # fmt: skip
        ax.set_xticks(place, _labels(found, order))
        ax.set_xlim(-0.4, len(order) - 0.6)
        ax.set_ylim(-0.03, 1.03)
        ax.set_ylabel("relative depth of the best layer\n(0 first, 1 last)")
        ax.grid(axis="y")
        return figure


def _order(regions: tuple[str, ...]) -> list[int]:
    """Primary first, the others as they are."""
    return sorted(range(len(regions)), key=lambda i: (regions[i] != REFERENCE, i))


def _labels(found: DepthByRegion, order: list[int]) -> list[str]:
    """Name the regions, with the q of their difference to the primary one where there is one."""
    labels = [found.regions[i] for i in order]
    if REFERENCE not in labels or len(labels) < 2:
        return labels
    compared = compare_regions(found, reference=REFERENCE)
    q = dict(zip(compared.regions, compared.q, strict=True))
    return [name if name not in q else f"{name}\n{_told(q[name])}" for name in labels]


def _told(q: float) -> str:
    return "no test" if np.isnan(q) else f"q = {q:.3g}"
