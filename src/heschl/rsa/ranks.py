"""Midranks of many vectors under many weights, from one sort of each vector.

The midrank of a value among weighted others is the weight of all smaller ones and half the weight
of its equals (plus one half). Over the once-sorted vector this is a cumulative sum of the weights,
read at the two ends of the value's run of equals: no sort is needed for another weighting, be it a
part of the entries (weights 0 and 1) or a bootstrap resample (whole numbers).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Ranked:
    """Vectors, sorted once.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n)
        Without nan.
    """

    def __init__(self, values: FloatArray) -> None:
        n_rows, n = values.shape
        self.shape = values.shape
        self._order = np.argsort(values, axis=1, kind="stable")
        ordered = np.take_along_axis(values, self._order, axis=1)
        new = np.ones((n_rows, n + 1), bool)  # where a run of equals begins; one past the end too
        np.not_equal(ordered[:, 1:], ordered[:, :-1], out=new[:, 1:-1])
        # of each entry in its own place: first of its run, and first of the next run
        self._first = np.empty((n_rows, n), np.intp)
        self._next = np.empty((n_rows, n), np.intp)
        for row in range(n_rows):
            starts = np.flatnonzero(new[row])
            length = np.diff(starts)
            self._first[row, self._order[row]] = np.repeat(starts[:-1], length)
            self._next[row, self._order[row]] = np.repeat(starts[1:], length)

    def centred(self, weights: FloatArray) -> FloatArray:
        """Twice the midranks, their weighted mean removed, (n_rows, n).

        Parameters
        ----------
        weights : ndarray, shape (n,)
            Not negative.
        """
        n_rows, n = self.shape
        out = np.empty((n_rows, n))
        below = np.zeros(n + 1)
        for row in range(n_rows):
            np.cumsum(weights[self._order[row]], out=below[1:])
            np.add(below[self._first[row]], below[self._next[row]], out=out[row])
        out -= below[-1]  # the mean, whatever the order
        return out


def weighted_rho(first: FloatArray, second: FloatArray, weights: FloatArray) -> FloatArray:
    """Correlate centred midranks of every row of one array with every row of another.

    Parameters
    ----------
    first : ndarray, shape (n_a, n)
    second : ndarray, shape (n_b, n)
    weights : ndarray, shape (n,)
        Those that the midranks were computed with.

    Returns
    -------
    ndarray, shape (n_a, n_b)
        Spearman's rho; 0 where either has no two different values of positive weight.
    """
    weighted = first * weights
    norm_a = np.einsum("an,an->a", weighted, first)
    norm_b = np.einsum("bn,bn,n->b", second, second, weights, optimize=True)
    return _ratio(weighted @ second.T, np.outer(norm_a, norm_b))


def weighted_rho_of_rows(first: FloatArray, second: FloatArray, weights: FloatArray) -> FloatArray:
    """As `weighted_rho`, but of each row with the same row of the other array, (n_rows,)."""
    weighted = first * weights
    norm_a = np.einsum("an,an->a", weighted, first)
    products = np.einsum("an,an->a", weighted, second)
    norm_b = np.einsum("an,an,n->a", second, second, weights, optimize=True)
    return _ratio(products, norm_a * norm_b)


def _ratio(products: FloatArray, squared_norms: FloatArray) -> FloatArray:
    rho = np.zeros_like(products)
    np.divide(products, np.sqrt(squared_norms), out=rho, where=squared_norms > 0)
    return rho
