"""Whether one model scores higher than another: on the same resamples, and listener by listener."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from heschl.errors import InputError, UsageError
from heschl.stats.intervals import Interval, Kind, expansion, has_percentiles, interval, moves

FloatArray = NDArray[np.float64]

#: Up to so many listeners all patterns of signs are tried: 2**15 of them.
MOST_EXACT = 15
#: Sums closer than this share of the sum of all sizes are equal up to rounding.
TIE = 1e-12


@dataclass(frozen=True)
class PairedDifference:
    """What `paired_difference` returns.

    Attributes
    ----------
    estimate : float, or ndarray
        Of the first minus of the second.
    interval : Interval
        Of the difference.
    p : float, or ndarray of the estimate's shape
        Two-sided, for a true difference of 0; nan where the estimate is nan.
    """

    estimate: FloatArray
    interval: Interval
    p: FloatArray


def paired_difference(
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    estimate_a: NDArray[np.floating] | float,
    estimate_b: NDArray[np.floating] | float,
    n_units: int,
    *,
    kind: Kind = "listeners",
    level: float = 0.95,
) -> PairedDifference:
    """Difference of two models' scores on the same resamples, its interval and p.

    What the two have in common (which sounds, which listeners were drawn) cancels. p begins with
    the share of differences beyond 0, (1 + count) / (1 + n_samples), after these are moved by their
    bias as in `interval`; it is then the p of Student's t distribution that the same expansion as
    there gives: an interval of 95% excludes 0 where p is below 0.05, up to the
    resolution of the samples. For many units it is twice that share.

    Parameters
    ----------
    a, b : ndarray, shape (n_samples, ...)
        Samples of both scores; row i of both is from the same resample.
    estimate_a, estimate_b : float or ndarray, shape (...)
    n_units : int
        As `interval`.
    kind : {"listeners", "sounds"}, optional
    level : float, optional

    Returns
    -------
    PairedDifference

    Raises
    ------
    InputError, UsageError
        As `interval`, or if the two shapes differ.

    Examples
    --------
    >>> from heschl.stats import bootstrap_mean, resamples
    >>> counts = resamples(8, 2000, seed=0)
    >>> a = np.array([0.21, 0.32, 0.18, 0.27, 0.25, 0.30, 0.22, 0.29])
    >>> b = a - [0.02, 0.05, 0.01, 0.04, 0.03, 0.03, 0.02, 0.04]
    >>> samples = [bootstrap_mean(x, counts) for x in (a, b)]
    >>> bool(paired_difference(*samples, a.mean(), b.mean(), 8).p < 0.05)
    True
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise InputError(
            f"samples of shapes {a.shape} and {b.shape}; expected the same resamples of both models"
        )
    of_a, of_b = np.asarray(estimate_a, np.float64), np.asarray(estimate_b, np.float64)
    if any(np.isinf(values).any() for values in (a, b, of_a, of_b)):
        raise InputError(
            "samples or estimates of a model are infinite; expected finite numbers, nan where "
            "there is no value"
        )
    samples, estimate = a - b, of_a - of_b
    found = interval(samples, estimate, n_units, kind=kind, level=level)
    reach = expansion(n_units) * float(scipy.stats.t.ppf((1 + level) / 2, n_units - 1))
    if has_percentiles(n_units, len(samples), level, reach):
        distance = _by_rank(samples, estimate)
    else:
        distance = _by_spread(samples, estimate)
    p = 2 * scipy.stats.t.cdf(-distance / expansion(n_units), n_units - 1)
    return PairedDifference(estimate[()], found, np.asarray(p)[()])


def _by_rank(samples: FloatArray, estimate: FloatArray) -> FloatArray:
    """Distance from 0, in standard deviations, of a normal with as much mass beyond it."""
    known = ~np.isnan(samples)
    n = known.sum(axis=0)
    usable = (n > 0) & ~np.isnan(estimate)
    mean = np.where(known, samples, 0.0).sum(axis=0) / np.maximum(n, 1)
    low, high = moves(mean - estimate)
    # comparisons with nan are false
    beyond = np.minimum((samples + low <= 0).sum(axis=0), (samples + high >= 0).sum(axis=0))
    share = np.minimum((1 + beyond) / (1 + n), 0.5)
    return np.where(usable, -scipy.stats.norm.ppf(share), np.nan)


def _by_spread(samples: FloatArray, estimate: FloatArray) -> FloatArray:
    """Distance from 0, in standard errors; without any spread, the farthest samples can tell."""
    known = ~np.isnan(samples)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, samples, 0.0).sum(axis=0) / n
    spread = np.sqrt((np.where(known, samples - mean, 0.0) ** 2).sum(axis=0) / n)
    at_most = -scipy.stats.norm.ppf(1 / (1 + n))
    distance = np.where(estimate == 0, 0.0, at_most)
    np.divide(np.abs(estimate), spread, out=distance, where=spread > 0)
    return np.where(known.any(axis=0) & ~np.isnan(estimate), distance, np.nan)


@dataclass(frozen=True)
class SignFlip:
    """What `sign_flip_test` returns.

    Attributes
    ----------
    mean : float
        Mean difference.
    p : float
        Two-sided.
    n_listeners : int
        With a difference.
    n_patterns : int
        Patterns of signs that were tried. The smallest p there can be is 2 of all patterns: 0.0078
        with 8 listeners, and above 0.05 with 5.
    exact : bool
        Whether these are all patterns.
    """

    mean: float
    p: float
    n_listeners: int
    n_patterns: int
    exact: bool


def sign_flip_test(
    differences: NDArray[np.floating], *, n_permutations: int = 10_000, seed: int = 0
) -> SignFlip:
    """Test over listeners whether differences are symmetric about 0.

    Under the null either model could have been called the first, in every listener independently:
    the sign of each difference is exchangeable (Fisher, 1935, The Design of Experiments). The
    statistic is the size of the mean.

    Parameters
    ----------
    differences : ndarray, shape (n_listeners,)
        nan for listeners without one: left out.
    n_permutations : int, optional
        Random patterns of signs for more than 15 listeners; for fewer all are tried.
    seed : int, optional
        Of ``np.random.default_rng``, for the random patterns.

    Returns
    -------
    SignFlip

    Raises
    ------
    InputError
        If there are not at least 3 listeners with a finite difference.
    UsageError
        If ``n_permutations`` is below 1.

    Examples
    --------
    >>> sign_flip_test(np.array([0.02, 0.05, 0.01, 0.04, 0.03, 0.03, 0.02, 0.04])).p
    0.0078125
    """
    d = np.asarray(differences, np.float64)
    if d.ndim != 1 or np.isinf(d).any():
        raise InputError(
            f"differences of shape {d.shape}; expected one finite number, or nan, a listener"
        )
    if n_permutations < 1:
        raise UsageError(
            f"n_permutations is {n_permutations}; expected a whole number of at least 1"
        )
    d = d[~np.isnan(d)]
    n = len(d)
    if n < 3:
        raise InputError(f"differences of {n} listeners; expected at least 3 to test over them")
    exact = n <= MOST_EXACT
    if exact:
        flipped = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    else:
        flipped = np.random.default_rng(seed).integers(0, 2, (n_permutations, n))
    sums = np.abs((1 - 2 * flipped) @ d)
    count = int((sums >= abs(d.sum()) - TIE * np.abs(d).sum()).sum())
    p = count / 2**n if exact else (1 + count) / (1 + n_permutations)
    return SignFlip(float(d.mean()), p, n, len(flipped), exact)
