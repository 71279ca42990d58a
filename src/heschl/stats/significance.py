"""P values from a null distribution, and their correction for many targets."""

from __future__ import annotations

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from heschl.errors import InputError

FloatArray = NDArray[np.float64]


def p_value(observed: NDArray[np.floating] | float, null: NDArray[np.floating]) -> FloatArray:
    """Share of a null distribution that is at least as high as what was observed.

    ``(1 + #{null >= observed}) / (1 + n_permutations)``: the observed arrangement is one of the
    possible ones, so p is never 0 (Phipson & Smyth, 2010, Statistical Applications in Genetics and
    Molecular Biology 9(1), 39).

    Parameters
    ----------
    observed : float or ndarray, shape (...)
    null : ndarray, shape (n_permutations, ...)

    Returns
    -------
    float or ndarray, shape (...)
        nan where the observed value, or any of the null, is nan.

    Raises
    ------
    InputError
        If shapes disagree or the null is empty.

    Examples
    --------
    >>> float(p_value(0.3, np.array([0.1, 0.2, 0.3])))
    0.5
    """
    seen, draws = np.asarray(observed, np.float64), np.asarray(null, np.float64)
    if draws.ndim == 0 or draws.shape[1:] != seen.shape or not len(draws):
        raise InputError(
            f"a null distribution of shape {draws.shape} for a value of shape {seen.shape}; "
            f"expected (n_permutations, *{seen.shape})"
        )
    p = (1 + (draws >= seen).sum(axis=0)) / (1 + len(draws))
    unknown = np.isnan(seen) | np.isnan(draws).any(axis=0)
    return np.asarray(np.where(unknown, np.nan, p))[()]


def fdr(p: NDArray[np.floating]) -> FloatArray:
    """Adjust p values for the false discovery rate (Benjamini & Hochberg, 1995).

    Calling all targets with a value of at most q significant, a share of q or less of them is
    expected to be false: for independent tests and many kinds of positive dependence.

    Parameters
    ----------
    p : ndarray
        Of all tests together, whatever the shape; nan for targets that were not tested.

    Returns
    -------
    ndarray, of the same shape
        nan stays nan and does not count as a test.

    Raises
    ------
    InputError
        If a value is not between 0 and 1.

    Examples
    --------
    >>> fdr(np.array([0.01, np.nan, 0.02, 0.9]))
    array([0.03,  nan, 0.03, 0.9 ])
    """
    p = np.asarray(p, np.float64)
    known = ~np.isnan(p)
    wrong = p[known & ~((p >= 0) & (p <= 1))]
    if wrong.size:
        raise InputError(f"a p value is {wrong[0]}; expected values between 0 and 1")
    out = np.full(p.shape, np.nan)
    if known.any():
        out[known] = scipy.stats.false_discovery_control(p[known], method="bh")
    return out
