"""Which of the components found is which of those known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from heschl.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Matching:
    """What `match` returns, in the order of the reference.

    Attributes
    ----------
    order : ndarray of int, shape (n_reference,)
        Column of ``found`` that goes with each reference; -1 if there are fewer found and this
        reference has none.
    sign : ndarray of int, shape (n_reference,)
        1, or -1 where the found one has to be turned; 0 without partner. ``found[:, order] * sign``
        is in the order and with the signs of the reference.
    r : ndarray, shape (n_reference,)
        Pearson's r as found, before turning; nan without partner.
    """

    order: NDArray[np.intp]
    sign: NDArray[np.int64]
    r: FloatArray


def match(found: NDArray[np.floating], reference: NDArray[np.floating]) -> Matching:
    """Pair response profiles one to one, so that the sum of absolute correlations is largest.

    Parameters
    ----------
    found : ndarray, shape (n_sounds, n_found)
    reference : ndarray, shape (n_sounds, n_reference)
        The same sounds in the same order.

    Returns
    -------
    Matching

    Raises
    ------
    InputError
        If shapes disagree, there are fewer than two sounds, or values are not finite.
    """
    a, b = _standardised(found, "found"), _standardised(reference, "reference")
    if len(a) != len(b):
        raise InputError(
            f"profiles over {len(a)} and {len(b)} sounds; expected the same sounds in the same "
            "order"
        )
    r = b.T @ a  # (n_reference, n_found)
    rows, columns = linear_sum_assignment(np.abs(r), maximize=True)
    order = np.full(len(r), -1, np.intp)
    sign = np.zeros(len(r), np.int64)
    matched = np.full(len(r), np.nan)
    order[rows], matched[rows] = columns, r[rows, columns]
    sign[rows] = np.where(matched[rows] < 0, -1, 1)
    return Matching(order, sign, matched)


def _standardised(profiles: NDArray[np.floating], name: str) -> FloatArray:
    """Demean and scale columns so that their products are Pearson's r; 0 where constant."""
    x = np.asarray(profiles, np.float64)
    if x.ndim != 2 or len(x) < 2:
        raise InputError(
            f"{name} has shape {x.shape}; expected (n_sounds, n_components) with at least two "
            "sounds"
        )
    if not np.isfinite(x).all():
        raise InputError(f"{name} holds nan or infinite values; expected finite profiles")
    varies = np.ptp(x, axis=0) > 0
    x = np.where(varies, x - x.mean(axis=0), 0.0)
    norm = np.sqrt(np.einsum("sk,sk->k", x, x))
    return np.asarray(x / np.where(norm > 0, norm, 1.0))
