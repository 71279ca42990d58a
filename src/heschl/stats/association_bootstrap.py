"""Interval of a correlation over models, from a bootstrap of the models.

Which percentiles to take was decided by simulation: 1500 times each (BCa: 800), with true
correlations of 0, 0.3, 0.6, 0.8 and 0.95 before what the rows say. Coverage of 95% intervals, in
percent, lowest and highest:

models                               10     15     20     36   BCa
normal, r                         98-99     96  96-97  95-96  92-96
t with 6 degrees of freedom, r       97  95-96  94-96  93-94  90-94
log normal, r                        98  96-97  96-97     95  90-97
one of ten far weaker, r          95-98  92-95  93-95  93-94  89-94
normal or log normal, rho         96-98  95-98  95-98  95-96  94-97
t with 6 degrees of freedom, rho  95-97  95-98  95-98  94-97  93-97
one of ten far weaker, rho        94-97  95-98  95-98  95-97  95-98

("Far weaker": 3 standard deviations, in both measures.)

Pearson's r: `heschl.stats.interval` on Fisher's z. Percentiles of r as they are cover 87 to 95%,
Fisher's interval without a bootstrap 85 to 97%.

Spearman's rho: percentiles as they are. A resample repeats models, and such ties spread rho more
than sampling does, which makes up for what percentiles lack with few models. To expand them as well
is too much: 96 to 100%, with 10 models of hardly any use.

With 8 models a high rho is covered 87 to 93% of the time, and intervals of r are wide and cover 98
to 100%: 10 are asked for, as of sounds. Two measures that put all models in one order give rho = 1
in every resample, and so an interval of no width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.stats.correlations import FLAT
from heschl.stats.intervals import interval, why_not
from heschl.stats.resampling import resamples

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: The highest correlation that has a z: 1 would have an infinite one.
HIGHEST = 1 - 1e-12


def bootstrap_interval(
    x: FloatArray,
    y: FloatArray,
    value: float,
    *,
    by_rank: bool,
    n_bootstrap: int,
    seed: int,
    level: float,
) -> tuple[float, float]:
    """Low and high end for the correlation of two measures, none of which is constant or nan.

    Parameters
    ----------
    x, y : ndarray, shape (n_models,)
    value : float
        Their correlation.
    by_rank : bool
        Whether it is Spearman's.
    n_bootstrap, seed, level
        As `heschl.stats.correlate`.

    Returns
    -------
    low, high : float
        nan for fewer than 10 models or without resamples.
    """
    n = len(x)
    if n_bootstrap == 0 or why_not(n, "sounds") is not None:
        return np.nan, np.nan
    samples = bootstrap_correlations(x, y, resamples(n, n_bootstrap, seed), by_rank=by_rank)
    known = samples[~np.isnan(samples)]
    if len(known) < 2:
        return np.nan, np.nan
    if by_rank:
        low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2], method="weibull")
        return float(low), float(high)
    found = interval(fisher_z(known), fisher_z(value), n, kind="sounds", level=level)
    return float(np.tanh(found.low)), float(np.tanh(found.high))


def fisher_z(r: FloatArray | float) -> FloatArray:
    """Inverse hyperbolic tangent, finite for 1 and -1."""
    return np.asarray(np.arctanh(np.clip(r, -HIGHEST, HIGHEST)))


def bootstrap_correlations(
    x: FloatArray, y: FloatArray, counts: IntArray, *, by_rank: bool
) -> FloatArray:
    """Correlation in every resample of the models.

    Parameters
    ----------
    x, y : ndarray, shape (n_models,)
    counts : ndarray of int, shape (n_samples, n_models)
        How often each model was drawn; every row sums to n_models.
    by_rank : bool
        Whether to rank the models of each resample first: Spearman's rho.

    Returns
    -------
    ndarray, shape (n_samples,)
        nan where the models drawn are all equal in x, or in y.
    """
    a, b = (_centred_ranks(v, counts) if by_rank else _centred(v, counts) for v in (x, y))
    squares = (counts * a * a).sum(axis=1), (counts * b * b).sum(axis=1)
    size = np.sqrt(squares[0]) * np.sqrt(squares[1])
    r = np.full(len(counts), np.nan)
    np.divide((counts * a * b).sum(axis=1), size, out=r, where=size > 0)
    return np.clip(r, -1, 1)  # beyond by rounding only


def _centred(x: FloatArray, counts: IntArray) -> FloatArray:
    """Values, about 1 in size, less the mean of each resample; 0 in a resample that is constant."""
    x = x / np.abs(x).max()
    spread = x.std()
    z = (x - x.mean()) / spread
    out = z - (counts @ z / x.size)[:, None]
    flat = np.where(counts > 0, np.abs(out), 0.0).max(axis=1) <= FLAT / spread
    return np.where(flat[:, None], 0.0, out)


def _centred_ranks(x: FloatArray, counts: IntArray) -> FloatArray:
    """Twice the ranks in each resample less their mean: whole numbers, so that ties are exact.

    c models equal in value that come after b others share the rank b + (c + 1) / 2; the mean rank
    of n models is (n + 1) / 2. Of models not drawn, what is returned means nothing.
    """
    order = np.argsort(x, kind="stable")
    steps = np.r_[True, np.diff(x[order]) > 0]  # where another value begins
    together = np.add.reduceat(counts[:, order], np.flatnonzero(steps), axis=1)
    doubled = 2 * np.cumsum(together, axis=1) - together - x.size
    which = np.empty(x.size, np.intp)
    which[order] = np.cumsum(steps) - 1
    return doubled[:, which].astype(np.float64)
