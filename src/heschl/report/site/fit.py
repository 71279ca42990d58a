"""The line through the points of two measures, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
#: Of the confidence band.
LEVEL = 0.95


@dataclass(frozen=True)
class Line:
    """A least-squares line, y = height + slope (x - center), and its confidence band.

    The band at x reaches ``reach * sqrt(1 / n + (x - center)**2 / spread)`` above and below.

    Attributes
    ----------
    slope, height, center : float
    spread : float
        Sum of the squares of x less its mean.
    reach : float
        Quantile of Student's t with n - 2 degrees of freedom times the residual standard deviation.
    n : int
    start, end : float
        The smallest and the largest x.
    """

    slope: float
    height: float
    center: float
    spread: float
    reach: float
    n: int
    start: float
    end: float

    def at(self, x: FloatArray) -> FloatArray:
        """Return the line at some places."""
        return self.height + self.slope * (x - self.center)

    def band(self, x: FloatArray) -> FloatArray:
        """Return how far the band reaches above and below the line at some places."""
        return self.reach * np.sqrt(1 / self.n + (x - self.center) ** 2 / self.spread)


def fit_line(x: FloatArray, y: FloatArray) -> Line | None:
    """Fit a line to the models that have both measures.

    Parameters
    ----------
    x, y : ndarray, shape (n_models,)
        nan where missing.

    Returns
    -------
    Line or None
        None for fewer than 3 models, or where all have one x.
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    n = len(x)
    if n < 3:
        return None
    off = x - x.mean()
    spread = float(off @ off)
    if spread <= (1e-12 * np.abs(x).max()) ** 2:
        return None
    slope = float(off @ y) / spread
    rest = y - y.mean() - slope * off
    deviation = float(np.sqrt(rest @ rest / (n - 2)))
    reach = float(scipy.stats.t.ppf((1 + LEVEL) / 2, n - 2)) * deviation
    center, height = float(x.mean()), float(y.mean())
    return Line(slope, height, center, spread, reach, n, float(x.min()), float(x.max()))
