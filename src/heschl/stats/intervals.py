"""Confidence intervals from bootstrap samples, wide enough for few listeners.

Two corrections of the percentile interval, both decided by simulation (``tests/test_stats_*.py``):

Width. With n units a bootstrap's spread is that of a standard deviation with n, not n - 1, in the
denominator, and its percentiles are those of a normal, not of a t distribution. The expanded
percentiles of Hesterberg (2015, The American Statistician 69(4), 371-386) make up for both. But no
resample's mean lies outside the units at hand, so for values that are symmetric about their mean
percentiles cover at most 1 - 2**(1 - n): with five listeners or fewer they cannot reach 95%,
however far they are expanded. There, the interval is the estimate -+ t times the bootstrap's
standard error.

Place. r2 counts negative r as 0, so resampling sounds raises it where it is small. For one target,
or one listener's median, this is harmless: r2 is a monotone function of r, and percentiles follow
such a function. A mean over listeners adds the rise up while the spread averages out: at a true r
of 0 in each of 8 listeners, percentile intervals of 95% over 165 sounds cover 3% of the time, at
r = 0.1 68%. Let b be how far the samples' mean lies above the estimate. The estimate itself is off
its true value by about as much, but how much is known roughly only; so the interval holds both the
percentiles moved by b (centred on the estimate) and those moved by 2 b (centred on the estimate
less its bias). It then covers 94% to 99% from r = 0 to 0.7, where plain percentiles were right as
well as where they failed, and is wider only where there is a bias. Correcting percentiles by the
share of samples below the estimate (BC, BCa) does not help, because of the samples at 0: 24% and
88%, and 83% for one target at r = 0.05. With 20 sounds, one target is covered 93% to 97%.
What no bootstrap of the sounds sees: noise blurs the distribution of r over a listener's voxels,
and so moves its median. With 31 voxels a listener it did not matter; with 11 voxels, whose r had a
standard deviation of 0.2, one simulation of five was covered about 90% of the time only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from heschl.errors import InputError, UsageError

FloatArray = NDArray[np.float64]
Kind = Literal["listeners", "sounds"]

#: Units that are needed to say anything about other units.
FEWEST: dict[Kind, int] = {"listeners": 3, "sounds": 10}
PERCENTILE = "expanded percentile, corrected for bias"
STUDENT = "t times the bootstrap's standard error"
#: Columns whose percentiles are taken at a time.
BLOCK = 1024


@dataclass(frozen=True)
class Interval:
    """A confidence interval, or one for each of many estimates.

    Attributes
    ----------
    low, high : float, or ndarray of the estimate's shape
        In the unit of the estimate; nan where it is nan. Not clipped: the interval of an r2 that
        cannot be told from 0 may begin below 0.
    level : float
        Such as 0.95.
    method : str
    n_units : int
        Listeners or sounds that were resampled.
    """

    low: FloatArray
    high: FloatArray
    level: float
    method: str
    n_units: int


def why_not(n_units: int, kind: Kind) -> str | None:
    """Say in words why there is no interval over listeners or sounds; None if there can be one.

    Raises
    ------
    UsageError
        If the kind is neither "listeners" nor "sounds".
    """
    if kind not in FEWEST:
        raise UsageError(f"kind is {kind!r}; expected 'listeners' or 'sounds'")
    if n_units >= FEWEST[kind]:
        return None
    what = kind if n_units != 1 else kind[:-1]
    return (
        f"{n_units} {what}: how much the score varies with the choice of {kind} cannot be told "
        f"from fewer than {FEWEST[kind]}, so there is no interval over {kind}"
    )


def interval(
    samples: NDArray[np.floating],
    estimate: NDArray[np.floating] | float,
    n_units: int,
    *,
    kind: Kind = "listeners",
    level: float = 0.95,
) -> Interval:
    """Confidence interval of estimates from their bootstrap samples.

    Percentiles of the samples at the levels Phi(-+ sqrt(n / (n - 1)) t), t being Student's with
    n - 1 degrees of freedom (Hesterberg, 2015, The American Statistician 69(4), 371-386), moved by
    the samples' bias once and twice: from the lower of the low ends to the higher of the high ones
    (why: see ``heschl.stats.intervals``). Where n units, or so few samples, cannot have such
    percentiles: the estimate -+ sqrt(n / (n - 1)) t times the samples' standard deviation, which
    for a mean over listeners is the t interval.

    Parameters
    ----------
    samples : ndarray, shape (n_samples, ...)
        nan in resamples without a value: left out.
    estimate : float or ndarray, shape (...)
        On all units, each once.
    n_units : int
        Listeners or sounds that were resampled and have a value. If both were: the smaller number
        (and ask `why_not` about the other).
    kind : {"listeners", "sounds"}, optional
        Which of the two ``n_units`` are.
    level : float, optional

    Returns
    -------
    Interval

    Raises
    ------
    InputError
        If there are fewer than 3 listeners, 10 sounds or two samples, shapes disagree, or values
        are infinite.
    UsageError
        If the level is not between 0 and 1.

    Examples
    --------
    >>> from heschl.stats import bootstrap_mean, resamples
    >>> r2 = np.array([0.21, 0.32, 0.18, 0.27, 0.25, 0.30, 0.22, 0.29])  # of eight listeners
    >>> found = interval(bootstrap_mean(r2, resamples(8, 2000, seed=0)), r2.mean(), 8)
    >>> print(f"{r2.mean():.2f}, from {found.low:.2f} to {found.high:.2f}")
    0.26, from 0.21 to 0.29
    """
    x, centre = checked_samples(samples, estimate, n_units, kind)
    if not 0 < level < 1:
        raise UsageError(f"level is {level}; expected a share between 0 and 1, such as 0.95")
    reach = expansion(n_units) * float(scipy.stats.t.ppf((1 + level) / 2, n_units - 1))
    by_percentile = has_percentiles(n_units, len(x), level, reach)
    flat, means = x.reshape(len(x), -1), centre.reshape(-1)
    bounds = np.full((2, means.size), np.nan)
    for columns in _column_blocks(flat, means):
        bounds[:, columns] = _bounds(flat[:, columns], means[columns], reach, by_percentile)
    low, high = bounds.reshape(2, *centre.shape)
    method = PERCENTILE if by_percentile else STUDENT
    return Interval(low[()], high[()], level, method, n_units)


def checked_samples(
    samples: NDArray[np.floating],
    estimate: NDArray[np.floating] | float,
    n_units: int,
    kind: Kind,
) -> tuple[FloatArray, FloatArray]:
    """Return samples and estimate as arrays; raise InputError unless there can be an interval."""
    reason = why_not(n_units, kind)
    if reason is not None:
        raise InputError(reason)
    x, centre = np.asarray(samples, np.float64), np.asarray(estimate, np.float64)
    if x.ndim == 0 or x.shape[1:] != centre.shape or len(x) < 2:
        raise InputError(
            f"samples of shape {x.shape} for an estimate of shape {centre.shape}; expected "
            f"(n_samples, *{centre.shape}) with at least two samples"
        )
    if np.isinf(x).any() or np.isinf(centre).any():
        raise InputError(
            "samples or their estimate are infinite; expected finite numbers, or nan where there "
            "is no value, such as a d' without an error"
        )
    return x, centre


def expansion(n_units: int) -> float:
    """How much a bootstrap's spread is too small: sqrt(n / (n - 1))."""
    return float(np.sqrt(n_units / (n_units - 1)))


def moves(bias: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far the samples are moved for the low end, and for the high end."""
    return -np.maximum(bias, 2 * bias), -np.minimum(bias, 2 * bias)


def has_percentiles(n_units: int, n_samples: int, level: float, reach: float) -> bool:
    """Whether percentiles at ``reach`` standard deviations exist and can cover at ``level``."""
    tail = float(scipy.stats.norm.cdf(-reach))
    return 2.0 ** (1 - n_units) <= 1 - level and tail * (n_samples + 1) >= 1


def _column_blocks(samples: FloatArray, estimate: FloatArray) -> list[NDArray[np.intp]]:
    """Columns to compute together: many without nan, each with some by itself."""
    missing = np.isnan(samples).sum(axis=0)
    usable = ~np.isnan(estimate) & (len(samples) - missing >= 2)
    whole = np.flatnonzero(usable & (missing == 0))
    blocks = [whole[i : i + BLOCK] for i in range(0, len(whole), BLOCK)]
    return blocks + [np.array([i]) for i in np.flatnonzero(usable & (missing > 0))]


def _bounds(
    samples: FloatArray, estimate: FloatArray, reach: float, by_percentile: bool
) -> FloatArray:
    """Low and high, (2, n), of a block of columns; samples with nan only if it is one column."""
    known = samples[~np.isnan(samples).any(axis=1)]
    if not by_percentile:
        return estimate + np.multiply.outer(np.array([-reach, reach]), known.std(axis=0))
    tails = scipy.stats.norm.cdf([-reach, reach])
    at = np.quantile(known, tails, axis=0, method="weibull")
    return np.asarray(at + np.stack(moves(known.mean(axis=0) - estimate)))
