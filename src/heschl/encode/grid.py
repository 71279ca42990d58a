"""The whole grid of layers and penalties in single precision, for one tile of targets.

Predictions are one matrix product per layer and pair of folds, and are not kept: the correlation
needs three running sums. The result is not the choice but the candidates for it: every entry that
rounding could have kept from being the best.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.encode.correlation import spread
from heschl.encode.design import Design

FloatArray = NDArray[np.float64]

#: Rounding of single-precision r2, apart from that of the predictions: sums over some 100 sounds.
SINGLE_TOLERANCE = 4e-6


def candidates(z: FloatArray, design: Design) -> NDArray[np.bool_]:
    """Entries of the grid whose score may be the best.

    Parameters
    ----------
    z : ndarray, shape (n_sounds, n_targets)
        Standardised responses of one tile.
    design : Design

    Returns
    -------
    ndarray of bool, shape (n_folds, n_alphas, n_layers, n_targets)
        For each outer fold; at least one entry per target.
    """
    sums, gain = _running_sums(z.astype(np.float32), design)
    found = np.empty(sums.shape[1:], bool)
    for outer in range(design.n_folds):
        score, doubt = _score(z[design.training(outer)], sums[:, outer], gain[outer])
        found[outer] = score + doubt >= (score - doubt).max(axis=(0, 1))
    return found


def _running_sums(z: NDArray[np.float32], design: Design) -> tuple[NDArray[np.float32], FloatArray]:
    """Sum over each outer training set, of predictions p: p, p * p and p * z.

    Returns
    -------
    sums : ndarray of float32, shape (3, n_folds, n_alphas, n_layers, n_targets)
    gain : ndarray, shape (n_folds, n_alphas, n_layers, 1)
        Largest norm of the rows of the operators that made them.
    """
    n_alphas, n_targets = len(design.protocol.alphas), z.shape[1]
    sums = np.zeros((3, design.n_folds, n_alphas, design.n_layers, n_targets), np.float32)
    gain = np.zeros((design.n_folds, n_alphas, design.n_layers, 1))
    for pair in design.pairs:
        n_rows = len(pair.fits[0].held_out) + 2
        z_train = z[pair.fits[0].train]
        buffer = np.empty((n_alphas * n_rows, n_targets), np.float32)
        # the first fold is predicted on behalf of outer fold "second", and the other way round
        halves = (
            (pair.second, slice(0, pair.n_first), -2, z[design.members[pair.first]]),
            (pair.first, slice(pair.n_first, -2), -1, z[design.members[pair.second]]),
        )
        for layer in range(design.n_layers):
            np.matmul(pair.operators[layer], z_train, out=buffer)
            predicted = buffer.reshape(n_alphas, n_rows, n_targets)
            for outer, rows, total, measured in halves:
                part = predicted[:, rows]
                sums[0, outer, :, layer] += predicted[:, total]
                sums[1, outer, :, layer] += np.einsum("ast,ast->at", part, part)
                sums[2, outer, :, layer] += np.einsum("ast,st->at", part, measured)
                largest = gain[outer, :, layer, 0]
                np.maximum(largest, pair.gain[layer], out=largest)
    return sums, gain


def _score(
    measured: FloatArray, sums: NDArray[np.float32], gain: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """R2 of every entry, (n_alphas, n_layers, n_targets), and how far off each may be.

    A prediction's rounding is at most about eps * (norm of the operator's row) * (norm of the
    responses); what it does to r depends on how much the predictions vary.
    """
    n = len(measured)
    total, squares, products = sums.astype(np.float64)
    norm = spread(measured)
    varying = np.sqrt(np.maximum(squares - total * total / n, 0.0))
    scale = varying * norm
    usable = scale > 0
    r = np.zeros_like(squares)
    np.divide(products - total * measured.mean(axis=0), scale, out=r, where=usable)
    error = np.full_like(r, np.inf)
    np.divide(np.finfo(np.float32).eps * n * gain, varying, out=error, where=usable)
    error[..., norm == 0] = 0.0  # responses that do not vary score exactly 0 everywhere
    return np.maximum(r, 0) ** 2, SINGLE_TOLERANCE + 2 * error
