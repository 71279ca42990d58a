"""Pearson's correlation of many columns, with a rule for where it is undefined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Predictions of standardised responses that vary by less than this are constant up to rounding.
FLAT = 1e-14


def correlation(predicted: FloatArray, measured: FloatArray) -> FloatArray:
    """Correlate each column of predictions with its standardised responses.

    Parameters
    ----------
    predicted : ndarray, shape (n_sounds, n_targets)
    measured : ndarray, shape (n_sounds, n_targets)
        Of about unit variance.

    Returns
    -------
    ndarray, shape (n_targets,)
        Pearson's r; 0 where either does not vary, so that an undefined r never wins.
    """
    centred = measured - measured.mean(axis=0)
    return correlation_with(predicted.copy(), centred, spread(measured))


def correlation_with(predicted: FloatArray, centred: FloatArray, norm: FloatArray) -> FloatArray:
    """As `correlation`, with the demeaned responses and their `spread` computed before.

    Parameters
    ----------
    predicted : ndarray, shape (n_sounds, ..., n_targets)
        Overwritten.
    centred : ndarray, shape (n_sounds, n_targets)
    norm : ndarray, shape (n_targets,)

    Returns
    -------
    ndarray, shape (..., n_targets)
    """
    predicted -= predicted.mean(axis=0)
    varying = np.sqrt(np.einsum("s...,s...->...", predicted, predicted))
    products = np.einsum("s...t,st->...t", predicted, centred)
    defined = (varying > FLAT * np.sqrt(len(centred))) & (norm > 0)
    r = np.zeros_like(varying)
    np.divide(products, varying * norm, out=r, where=defined)
    return r


def spread(measured: FloatArray) -> FloatArray:
    """Norm of the demeaned columns, shape (n_targets,); exactly 0 where all values are equal."""
    centred = measured - measured.mean(axis=0)
    norm = np.sqrt(np.einsum("st,st->t", centred, centred))
    return np.asarray(np.where(np.ptp(measured, axis=0) == 0, 0.0, norm))
