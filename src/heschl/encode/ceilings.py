"""Noise ceilings: what a model that knew the true responses would reach.

Let y_k = s + e_k be the responses to the sounds in repetitions k = 1 ... n, with noise of variance
var(e) that is independent between sounds and repetitions. The mean over the n repetitions, s + e,
has noise of variance var(e) / n, and its covariance with s is var(s), so that::

    r**2 = cov(s, s + e)**2 / (var(s) var(s + e)) = var(s) / (var(s) + var(e) / n)

This share of signal in the variance of the mean is its reliability. It is thus the ceiling of r2 as
it stands, and is never squared again; its root is the ceiling of r. (On average, r2 lies above it
by what chance adds with few sounds, at most 1 / (n_sounds - 1).)

All values are per target. The ceiling of a listener is the median over those of their voxels that
were scored, that of a dataset the mean over listeners: `heschl.stats.over_listeners`, as for the
scores themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError, UsageError

FloatArray = NDArray[np.float64]

#: A mean over repetitions with less than this share of their variance is zero up to rounding.
CANCELLED = 1e-28


@dataclass(frozen=True)
class Reliability:
    """Signal and noise of each target, estimated from repetitions; never clipped.

    Attributes
    ----------
    n_repeats : int
        Repetitions that ``reliability_mean`` and the ceilings are about.
    signal_variance, noise_variance : ndarray, shape (n_targets,)
        Variance over sounds of the signal and of the noise of one repetition, in squared units of
        the responses. The first is below 0 where repetitions disagree more than by chance.
    reliability_single, reliability_mean : ndarray, shape (n_targets,)
        Share of signal in the variance of one repetition and of the mean over all n_repeats. nan
        where a repetition is missing or nothing varies.
    why_not : str or None
        Why there is none of this for any target, in words.
    """

    n_repeats: int
    signal_variance: FloatArray = field(repr=False)
    noise_variance: FloatArray = field(repr=False)
    reliability_single: FloatArray = field(repr=False)
    reliability_mean: FloatArray = field(repr=False)
    why_not: str | None = None

    @property
    def ceiling_r2(self) -> FloatArray:
        """Ceiling of r2 with the mean over n_repeats, (n_targets,); can be negative."""
        return self.reliability_mean

    @property
    def ceiling_r(self) -> FloatArray:
        """Ceiling of r with the mean over n_repeats, (n_targets,); nan where r2's is negative."""
        return np.sqrt(np.where(self.reliability_mean >= 0, self.reliability_mean, np.nan))


def reliability(responses: NDArray[np.floating]) -> Reliability:
    """Estimate signal and noise variance from repetitions.

    The signal's variance is the mean covariance between repetitions, the variance of the mean
    response is what it is (both with n_sounds - 1 in the denominator, so both without bias). Their
    ratio, which is also the intraclass correlation ICC(3, k) of Shrout and Fleiss (1979), Psychol
    Bull 86(2), would come out too low by up to 2 / n_sounds, because a ratio's expectation is not
    that of its parts: the first-order term of this bias is added, for sounds that are fixed and
    noise that is Gaussian. Bias in simulations of 165 sounds x 3 repetitions (standard error at
    most 0.0008):

    ==========================  ======  ======  ======  ======  ======
    true reliability of mean       0.0     0.3     0.5     0.7     0.9
    ==========================  ======  ======  ======  ======  ======
    ratio (ICC)                 -.0122  -.0065  -.0031  -.0006  +.0003
    Spearman-Brown of mean r    -.0122  -.0062  -.0025  +.0001  +.0007
    as computed here            -.0009  +.0001  +.0001  +.0000  -.0000
    ==========================  ======  ======  ======  ======  ======

    Parameters
    ----------
    responses : ndarray, shape (n_sounds, n_targets, n_repeats)
        nan where a repetition was not measured.

    Returns
    -------
    Reliability
        With one repetition, nan throughout and a reason in ``why_not``.

    Raises
    ------
    InputError
        If the shape is another, there are fewer than two sounds, or values are infinite.
    """
    y = checked_responses(responses)
    n_sounds, n_targets, n = y.shape
    if n == 1:
        none = [np.full(n_targets, np.nan) for _ in range(4)]
        return Reliability(1, none[0], none[1], none[2], none[3], one_repetition())
    mean = y.mean(axis=2)
    mean -= mean.mean(axis=0)
    of_mean = np.einsum("st,st->t", mean, mean) / (n_sounds - 1)
    of_single = np.zeros(n_targets)
    for k in range(n):  # one repetition at a time: the responses can be large
        one = y[:, :, k] - y[:, :, k].mean(axis=0)
        of_single += np.einsum("st,st->t", one, one) / (n_sounds - 1) / n
    # n^2 var(mean) is the sum of n variances and of n (n - 1) covariances
    signal = (n * of_mean - of_single) / (n - 1)
    noise = of_single - signal
    defined = _varies(y) & (of_mean > CANCELLED * of_single)
    share = np.full(n_targets, np.nan)  # of noise in the mean
    np.divide(noise / n, of_mean, out=share, where=defined)
    of_signal = 1 - share + _bias(share, n_sounds)
    single = of_signal / (n - (n - 1) * of_signal)  # Spearman-Brown, solved for one
    return Reliability(n, signal, noise, single, of_signal)


def _bias(share: FloatArray, n_sounds: int) -> FloatArray:
    """How much too low the share of signal is, to first order in 1 / n_sounds.

    The inverse of a noncentral chi-square of n - 1 degrees of freedom and noncentrality c has the
    expectation (1 + 2 (n - 1 + 2 c) / (n - 1 + c)**2) / (n - 1 + c) to second order; here
    u = (n - 1) / (n - 1 + c) is the share of noise. The last term is due to the signal's variance
    over the sounds at hand having n, not n - 1, in the denominator.
    """
    u = np.minimum(share, 1.0)  # beyond, the estimate is so noisy that the term means nothing
    return 2 / (n_sounds - 1) * u * u * (2 - u) - u * (1 - u) / n_sounds


def ceiling_r2(responses: NDArray[np.floating]) -> FloatArray:
    """Ceiling of r2 between predictions and the mean over the repetitions given, (n_targets,).

    Parameters
    ----------
    responses : ndarray, shape (n_sounds, n_targets, n_repeats)
        nan where a repetition was not measured.

    Returns
    -------
    ndarray, shape (n_targets,)
        ``reliability_mean`` of `reliability`: not clipped, can lie below 0.

    Raises
    ------
    InputError
        If there is one repetition only, and as `reliability` does.
    """
    return _with_ceiling(responses).ceiling_r2


def ceiling_r(responses: NDArray[np.floating]) -> FloatArray:
    """Ceiling of r between predictions and the mean over the repetitions given, (n_targets,).

    The root of `ceiling_r2`, with the same parameters and errors; nan where that is negative.
    """
    return _with_ceiling(responses).ceiling_r


def _with_ceiling(responses: NDArray[np.floating]) -> Reliability:
    found = reliability(responses)
    if found.why_not is not None:
        raise InputError(f"{found.why_not}; expected at least two repetitions")
    return found


def spearman_brown(r: NDArray[np.floating] | float, n: float) -> FloatArray:
    """Reliability of the mean of ``n`` measurements, from the reliability ``r`` of one.

    ``n r / (1 + (n - 1) r)`` (Spearman, 1910; Brown, 1910). With ``r`` between two halves of all
    repetitions, n = 2 gives the reliability of the mean over all of them. nan where ``r`` is
    infinite, or -1 / (n - 1) or less, which no reliability of one of n measurements can be.

    Raises
    ------
    UsageError
        If ``n`` is not above 0.
    """
    if not n > 0:
        raise UsageError(f"n is {n}; expected a number of measurements above 0")
    r = np.asarray(r, np.float64)
    r = np.where(np.isinf(r), np.nan, r)
    denominator = 1 + (n - 1) * r
    out = np.full(r.shape, np.nan)
    return np.asarray(np.divide(n * r, denominator, out=out, where=denominator > 0))


def _varies(y: FloatArray) -> NDArray[np.bool_]:
    """Whether any repetition varies over sounds, (n_targets,)."""
    return np.asarray((np.ptp(y, axis=0) > 0).any(axis=1))


def one_repetition() -> str:
    """Say in words why one repetition gives no ceiling."""
    return (
        "the responses have one repetition, which gives no ceiling: how much of them is noise "
        "cannot be known"
    )


def checked_responses(responses: NDArray[np.floating]) -> FloatArray:
    """Return responses (n_sounds, n_targets, n_repeats) in double precision; see `reliability`."""
    y = np.asarray(responses, np.float64)
    if y.ndim != 3 or y.shape[0] < 2 or y.shape[2] < 1:
        raise InputError(
            f"responses have shape {y.shape}; expected (n_sounds, n_targets, n_repeats) with at "
            "least two sounds and a repetition"
        )
    if np.isinf(y).any():
        raise InputError("responses hold infinite values; expected numbers, nan where missing")
    return y
