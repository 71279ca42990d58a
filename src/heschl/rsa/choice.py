"""Which layer is compared with a brain."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.rsa.ranks import Ranked, weighted_rho
from heschl.threads import run_threads

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: Entries that a choice needs: one alone has no order.
FEWEST_ENTRIES = 2


def best_over_listeners(
    layer_rho: FloatArray, labels: NDArray[np.str_], known: BoolArray
) -> IntArray:
    """Return the layer with the highest mean rho over the rows of each label.

    Parameters
    ----------
    layer_rho : ndarray, shape (..., n_groups, n_layers)
    labels : ndarray of str, shape (n_groups,)
    known : ndarray of bool, shape (n_groups,)
        Rows to look at; the others get -1.

    Returns
    -------
    ndarray of int, shape (..., n_groups)
    """
    index = np.full(layer_rho.shape[:-1], -1)
    for label in dict.fromkeys(labels):
        rows = (labels == label) & known
        if rows.any():
            best = layer_rho[..., rows, :].mean(axis=-2).argmax(axis=-1)
            index[..., rows] = best[..., None]
    return index


def held_out_entries(folds: NDArray[np.integer]) -> Iterator[BoolArray]:
    """Yield which entries of the upper triangle are held out, for every pair of folds i <= j.

    Those with the row in fold i or the column in fold j. The published mask is over the whole
    matrix and not symmetric when i < j, so above the diagonal an entry with the row in fold j or
    the column in fold i stays. The masks with i = j already cover every entry.
    """
    row, column = np.triu_indices(len(folds), 1)
    n_folds = int(folds.max()) + 1
    for i in range(n_folds):
        for j in range(i, n_folds):
            yield (folds[row] == i) | (folds[column] == j)


def layer_choices(
    model: Ranked, brain: Ranked, folds: NDArray[np.integer], n_jobs: int | None
) -> IntArray:
    """Return the layer most like each brain RDM without each pair of folds: the first of equals.

    Parameters
    ----------
    model, brain : Ranked
        RDMs of the layers and of the listeners.
    folds : ndarray of int, shape (n_sounds,)
    n_jobs : int or None

    Returns
    -------
    ndarray of int, shape (n_groups, n_choices)

    Raises
    ------
    InputError
        If hardly any entry is left when a pair of folds is held out.
    """
    left = [~held_out for held_out in held_out_entries(folds)]
    fewest = min(int(one.sum()) for one in left)
    if fewest < FEWEST_ENTRIES:
        raise InputError(
            f"the folds leave {fewest} pairs of sounds to choose a layer from when two folds are "
            f"held out; expected at least {FEWEST_ENTRIES}: use more sounds or more folds"
        )

    def work(pair: int) -> tuple[int, IntArray]:
        weights = left[pair].astype(np.int64)
        rho = weighted_rho(brain.centred(weights), model.centred(weights), weights)
        return pair, rho.argmax(axis=1)

    out = np.empty((brain.shape[0], len(left)), np.int64)
    for pair, best in run_threads(work, range(len(left)), n_jobs=n_jobs):
        out[:, pair] = best
    return out


def assemble(model: FloatArray, choices: IntArray, folds: NDArray[np.integer]) -> FloatArray:
    """Fill the held-out entries of each pair of folds from the layer chosen without them.

    Parameters
    ----------
    model : ndarray, shape (n_layers, n_pairs)
    choices : ndarray of int, shape (n_groups, n_choices)
    folds : ndarray of int, shape (n_sounds,)

    Returns
    -------
    ndarray, shape (n_groups, n_pairs)
        Later pairs overwrite earlier ones.
    """
    source = np.full((len(choices), model.shape[1]), -1)
    for pair, held_out in enumerate(held_out_entries(folds)):
        source[:, held_out] = choices[:, [pair]]
    return np.take_along_axis(model, source, axis=0)
