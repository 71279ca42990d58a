"""Noise ceilings: what a model that knew the true responses would reach.

With responses y_k = s + e_k over sounds, in repetitions k = 1 ... n, and noise that is independent
between repetitions, the expected squared correlation of s with the mean of the n repetitions is::

    var(s) / (var(s) + var(e) / n)

which is the share of signal variance in that mean: its reliability. It is a ceiling of r2 as it
stands, and is never squared again; its root is the ceiling of r.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Signal and noise of each target, estimated from repetitions; never clipped.

    Attributes
    ----------
    n_repeats : int
        Repetitions that ``mean`` is about.
    signal_variance, noise_variance : ndarray, shape (n_targets,)
        Variance over sounds of the signal and of the noise of one repetition, in squared units of
        the responses. The first is below 0 where repetitions disagree more than by chance.
    single, mean : ndarray, shape (n_targets,)
        Share of signal in the variance of one repetition and of the mean over all of them. nan
        where a repetition is missing or nothing varies.
    """

    n_repeats: int
    signal_variance: FloatArray = field(repr=False)
    noise_variance: FloatArray = field(repr=False)
    single: FloatArray = field(repr=False)
    mean: FloatArray = field(repr=False)


def why_not(n_repeats: int) -> str | None:
    """Say in words why there is no ceiling; None if there can be one."""
    if n_repeats < 2:
        return (
            "the responses have one repetition: how much of them is noise cannot be known, so "
            "there is no ceiling"
        )
    return None


def reliability(responses: NDArray[np.floating]) -> Reliability:
    """Estimate signal and noise variance from repetitions.

    The signal's variance is the mean covariance between repetitions, the variance of the mean
    response is what it is (both with n_sounds - 1 in the denominator, so both without bias). Their
    ratio, the reliability of the mean, would come out too low by up to 2 / n_sounds, because a
    ratio's expectation is not that of its parts: the first-order term of this bias is added, for
    sounds that are fixed and noise that is Gaussian.

    Parameters
    ----------
    responses : ndarray, shape (n_sounds, n_targets, n_repeats)
        nan where a repetition was not measured.

    Returns
    -------
    Reliability

    Raises
    ------
    InputError
        If the shape is another, there are fewer than two sounds, or fewer than two repetitions.
    """
    y = np.asarray(responses, np.float64)
    if y.ndim != 3 or y.shape[0] < 2:
        raise InputError(
            f"responses have shape {y.shape}; expected (n_sounds, n_targets, n_repeats) with at "
            "least two sounds"
        )
    n_sounds, n_targets, n = y.shape
    reason = why_not(n)
    if reason is not None:
        raise InputError(f"{reason}; expected at least two repetitions")
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
    varies = np.ptp(y, axis=(0, 2)) > 0
    share = np.full(n_targets, np.nan)  # of noise in the mean
    np.divide(noise / n, of_mean, out=share, where=varies & (of_mean > 0))
    of_signal = 1 - share + _bias(share, n_sounds)
    return Reliability(n, signal, noise, of_signal / (n - (n - 1) * of_signal), of_signal)


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

    Not clipped: an estimate can lie below 0. See `reliability` for the
    parameters, the estimate and the errors raised.
    """
    return reliability(responses).mean


def ceiling_r(r2: FloatArray) -> FloatArray:
    """Ceiling of r from that of r2: its root; nan where the estimate is negative."""
    return np.sqrt(np.where(r2 >= 0, r2, np.nan))


def spearman_brown(r: NDArray[np.floating] | float, n: float) -> FloatArray:
    """Reliability of the mean of ``n`` measurements, from the reliability ``r`` of one.

    ``n r / (1 + (n - 1) r)`` (Spearman, 1910; Brown, 1910). With ``r`` between two halves of all
    repetitions, n = 2 gives the reliability of the mean over all of them.
    """
    r = np.asarray(r, np.float64)
    return np.asarray(n * r / (1 + (n - 1) * r))
