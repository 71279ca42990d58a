"""The penalty with the smallest leave-one-out error, for many targets from one decomposition.

With the hat matrix H of all training sounds (their mean included), the error that ridge regression
makes for sound i when it is left out is ``(y - H y)_i / (1 - H_ii)``. From X = U S V', I - H is
``U diag(alpha / (s**2 + alpha)) U'`` and what neither U nor the mean can reach.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.encode.ridge import Fit

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

#: Penalties whose errors keep the same shares of all directions up to this are one: beyond, the
#: choice between them would be one of rounding noise.
_EQUAL = 1e-12
#: How many units of rounding errors are allowed to be off: sums over less than 100 sounds.
_SAFETY = 16


class LeaveOneOut:
    """Leave-one-out errors of one layer on one set of training sounds, at every penalty.

    All are computed in single precision; wherever rounding could have decided, again in double.

    Parameters
    ----------
    one : Fit
    alphas : sequence of float
        In their order of preference: the first of equal errors wins.
    """

    def __init__(self, one: Fit, alphas: tuple[float, ...]) -> None:
        self.alphas = np.array(alphas)
        #: penalties to be tried: of those that give the same error, up to rounding, the first
        self.tried: list[int] = []
        operators: list[FloatArray] = []
        n = len(one.train)
        unreached = np.eye(n) - 1 / n - one.left @ one.left.T
        full_rank = len(one.singular) == n - 1
        before: FloatArray | None = None
        for index, alpha in enumerate(self.alphas):
            kept = _kept(one.singular, float(alpha), full_rank)
            if before is not None and np.abs(kept - before).max(initial=0) < _EQUAL:
                continue
            before = kept
            operator = (one.left * kept) @ one.left.T
            if not full_rank:
                operator += unreached
            self.tried.append(index)
            operators.append(operator / np.diag(operator)[:, None])
        self._double = operators
        self._single = [operator.astype(np.float32) for operator in operators]
        self._gain = np.array([np.linalg.norm(operator) for operator in operators])

    def best(self, centred: FloatArray) -> IntArray:
        """Index of the best penalty of each target and response.

        Parameters
        ----------
        centred : ndarray, shape (n_train, n_repeats, n_targets)
            Responses of each repetition, demeaned.

        Returns
        -------
        ndarray of int, shape (n_repeats + 1, n_targets)
            For each repetition, and for their mean.
        """
        norm = np.sqrt(np.einsum("skt,skt->kt", centred, centred)).max(axis=0)
        centred = centred / np.where(norm > 0, norm, 1.0)  # safe in single precision
        error = self._errors(centred)
        every = np.concatenate([centred, centred.mean(axis=1, keepdims=True)], axis=1)
        doubt = self._doubt(error, every)
        candidate = error - doubt <= (error + doubt).min(axis=0)
        # columns for which single precision does not settle it
        open_ = candidate & (candidate.sum(axis=0) > 1)
        flat = every.reshape(len(every), -1)
        for i, operator in enumerate(self._double):
            columns = np.flatnonzero(open_[i].ravel())
            if columns.size:
                residual = operator @ flat[:, columns]
                error[i].reshape(-1)[columns] = np.einsum("sc,sc->c", residual, residual)
        error[~candidate] = np.inf
        return np.array(self.tried)[error.argmin(axis=0)]

    def _errors(self, centred: FloatArray) -> FloatArray:
        """Sum of squared errors in single precision, (n_tried, n_repeats + 1, n_targets)."""
        n_train, n_repeats, n_targets = centred.shape
        flat = centred.reshape(n_train, -1).astype(np.float32)
        residual = np.empty_like(flat)
        each = residual.reshape(centred.shape)
        error = np.empty((len(self.tried), n_repeats + 1, n_targets), np.float32)
        for i, operator in enumerate(self._single):
            np.matmul(operator, flat, out=residual)
            np.einsum("skt,skt->kt", each, each, out=error[i, :-1])
            total = each.sum(axis=1)  # errors are linear in the responses
            np.einsum("st,st->t", total, total, out=error[i, -1])
        error[:, -1] /= n_repeats**2
        return error.astype(np.float64)

    def _doubt(self, error: FloatArray, every: FloatArray) -> FloatArray:
        """How far off an error may be: twice its root times that of the rounding, and more.

        Rounding of a product's column is some eps times the norms of both factors; the mean's
        errors come from those of the repetitions, whose norms are larger.
        """
        norm = np.sqrt(np.einsum("skt,skt->kt", every, every))
        norm[-1] = norm.max(axis=0)
        rounding = _SAFETY * np.finfo(np.float32).eps * self._gain[:, None, None] * norm
        summing = _SAFETY * np.finfo(np.float32).eps * error
        return np.asarray(rounding * (2 * np.sqrt(error) + rounding) + summing)


def _kept(singular: FloatArray, alpha: float, full_rank: bool) -> FloatArray:
    """How much of each direction is left in the error, ``alpha / (s**2 + alpha)``.

    Errors are ratios, so at full rank any common factor may go: taken relative to the direction of
    the smallest singular value, nothing vanishes as alpha does, and penalties far below its square
    give the same numbers, as those far above the square of the largest do.
    """
    squared = singular * singular
    if full_rank and singular.size:
        return np.asarray((squared[-1] + alpha) / (squared + alpha))
    return np.asarray(alpha / (squared + alpha))
