"""Mean and standard error over listeners, as published."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError

FloatArray = NDArray[np.float64]


def mean_and_stderr(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean over listeners, and its standard error.

    ``sd / sqrt(n - 1)`` with the standard deviation of the n listeners at hand (ddof 0), as in
    Pepino et al. (2025), arXiv:2511.16849; the usual estimate in another form.

    Parameters
    ----------
    values : ndarray, shape (n_listeners, ...)
        nan for listeners without a value: they are left out.

    Returns
    -------
    mean, stderr : ndarray, shape (...)
        nan where no listener, or for the error fewer than two, have a value.

    Raises
    ------
    InputError
        If a value is infinite.
    """
    if np.isinf(values).any():
        raise InputError(
            "values over listeners are infinite; expected finite numbers, nan where there is none"
        )
    known = ~np.isnan(values)
    n = np.asarray(known.sum(axis=0))
    total = np.asarray(np.where(known, values, 0.0).sum(axis=0))
    mean = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
    squares = np.asarray(np.where(known, values - mean, 0.0) ** 2).sum(axis=0)
    variance = np.divide(squares, n * (n - 1), out=np.full(n.shape, np.nan), where=n > 1)
    return mean, np.sqrt(variance)
