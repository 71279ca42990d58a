"""Scales of colours: their ends, and what is written beside them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.colorbar import Colorbar
from numpy.typing import NDArray

from heschl.errors import UsageError
from heschl.report.palette import color
from heschl.report.style import shown

FloatArray = NDArray[np.float64]

#: Perceptually uniform, and readable with any kind of colour vision.
COLORS = "viridis"


def scale(
    values: FloatArray, limits: tuple[float, float] | None
) -> tuple[float, float, Literal["neither", "min", "max", "both"]]:
    """Return both ends of a scale of colours, and beyond which of them there are values.

    Parameters
    ----------
    values : ndarray, not empty
        Finite, or nan.
    limits : tuple of float, or None
        By default 0 and the 99.5th percentile (of values below 0, the 0.5th), or the extremes of
        fewer than 200 values: a few large ones do not make all others look alike.

    Raises
    ------
    UsageError
        If the limits are not in order.
    """
    least, most = float(np.nanmin(values)), float(np.nanmax(values))
    low = min(0.0, float(np.nanpercentile(values, 0.5, method="lower")))
    high = max(0.0, float(np.nanpercentile(values, 99.5, method="higher")))
    low, high = limits or (low, high)
    if limits is None and low == high:
        high = 1.0
    if not (np.isfinite([low, high]).all() and low < high):
        raise UsageError(f"limits are {low} and {high}; expected two numbers, the smaller first")
    if least < low:
        return low, high, "both" if most > high else "min"
    return low, high, "max" if most > high else "neither"


def name_scale(bar: Colorbar, label: str) -> None:
    """Write what the values are beside a scale of colours."""
    bar.set_label(shown(label, 48), color=color("muted"))
    bar.outline.set_visible(False)
