"""Midranks of many vectors under many weights, from one sort of each vector.

The midrank of a value among weighted others is the weight of all smaller ones and half the weight
of its equals (plus one half). Over the once-sorted vector this is a cumulative sum of the weights,
read at the two ends of the value's run of equals: no sort is needed for another weighting, be it a
part of the entries (weights 0 and 1) or a bootstrap resample (whole numbers).

Weights are whole numbers, so doubled midranks are too, and up to about 700 sounds so are all sums
of their products, without rounding: equal matrices have exactly equal rho, whatever the order in
which a processor adds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


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
        self._order = np.argsort(values, axis=1)
        # of each entry in its own place: where its run of equals begins, and where the next does
        self._first = np.empty((n_rows, n), np.intp)
        self._next = np.empty((n_rows, n), np.intp)
        for row, order in enumerate(self._order):
            ordered = values[row, order]
            starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [n]])
            length = np.diff(starts)
            self._first[row, order] = np.repeat(starts[:-1], length)
            self._next[row, order] = np.repeat(starts[1:], length)

    def centred(self, weights: IntArray | None = None, out: FloatArray | None = None) -> FloatArray:
        """Twice the midranks, their weighted mean removed.

        Parameters
        ----------
        weights : ndarray of int, shape (n,), optional
            Not negative: how often each entry stands in the vectors; once by default.
        out : ndarray, shape (n_rows, n), optional
            Written to and returned: in a loop, new memory costs as much as the ranks.

        Returns
        -------
        ndarray, shape (n_rows, n)
        """
        n_rows, n = self.shape
        out = np.empty((n_rows, n)) if out is None else out
        if weights is None:
            np.add(self._first, self._next, out=out)
            out -= n
            return out
        below = np.zeros(n + 1, np.int64)  # cumulative sums of integers: five times as fast
        for row in range(n_rows):
            np.cumsum(weights.take(self._order[row]), out=below[1:])
            np.add(below.take(self._first[row]), below.take(self._next[row]), out=out[row])
            out[row] -= below[-1]  # the mean, whatever the order
        return out


def weighted_rho(
    first: FloatArray,
    second: FloatArray,
    weights: IntArray | None = None,
    out: FloatArray | None = None,
) -> FloatArray:
    """Correlate centred midranks of every row of one array with every row of another.

    Parameters
    ----------
    first : ndarray, shape (n_a, n)
    second : ndarray, shape (n_b, n)
    weights : ndarray of int, shape (n,), optional
        Those that the midranks were computed with.
    out : ndarray, shape (n_a, n), optional
        Overwritten by the weighted midranks.

    Returns
    -------
    ndarray, shape (n_a, n_b)
        Spearman's rho; 0 where either has no two different values of positive weight.
    """
    w = _as_float(weights, first.shape[1])
    products = np.multiply(first, w, out=out) @ second.T
    return _ratio(products, np.outer(_sums(first, first, w), _sums(second, second, w)))


def weighted_rho_of_rows(
    first: FloatArray, second: FloatArray, weights: IntArray | None = None
) -> FloatArray:
    """As `weighted_rho`, but of each row with the same row of the other array, (n_rows,)."""
    w = _as_float(weights, first.shape[1])
    return _ratio(_sums(first, second, w), _sums(first, first, w) * _sums(second, second, w))


def _as_float(weights: IntArray | None, n: int) -> FloatArray:
    return np.ones(n) if weights is None else weights.astype(np.float64)


def _sums(first: FloatArray, second: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted sum of the products of equal rows, (n_rows,), without another array."""
    return np.asarray(np.einsum("an,an,n->a", first, second, weights))


def _ratio(products: FloatArray, squared_norms: FloatArray) -> FloatArray:
    """Divide sums of products by the root of the squared norms' product; 0 where that is 0."""
    rho = np.zeros_like(products)
    np.divide(products, np.sqrt(squared_norms), out=rho, where=squared_norms > 0)
    return rho
