"""Resampling of sounds: bootstrap and permutation of dissimilarity matrices.

All ranks come from one sort of each matrix: a bootstrap resample only weighs the pairs of sounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.rsa.comparison import known_rows
from heschl.rsa.dissimilarity import count_sounds
from heschl.rsa.ranks import Ranked, weighted_rho, weighted_rho_of_rows
from heschl.threads import run_threads

FloatArray = NDArray[np.float64]

#: Distinct sounds that a resample needs: two have a single pair, which has no order.
FEWEST_SOUNDS = 3


def bootstrap(
    first: FloatArray,
    second: FloatArray,
    counts: NDArray[np.integer],
    *,
    n_jobs: int | None = None,
) -> FloatArray:
    """Spearman's rho of paired RDMs in bootstrap resamples of the sounds.

    A sound drawn c times stands c times in the resampled matrix. Pairs of a sound with itself are
    left out: their dissimilarity of 0 is no measurement (as in Nili et al., 2014, PLoS Comput Biol
    10, e1003553). A pair of sounds drawn c and d times thus has the weight c * d.

    Parameters
    ----------
    first, second : ndarray, shape (n, n_pairs)
        Row i of one is compared with row i of the other; rows with nan give nan.
    counts : ndarray of int, shape (n_samples, n_sounds)
        How often each sound was drawn.
    n_jobs : int, optional
        Threads; never changes the numbers.

    Returns
    -------
    ndarray, shape (n_samples, n)
        nan in resamples of fewer than three different sounds.
    """
    _check(first, second, counts)
    known = known_rows(first) & known_rows(second)
    a, b = Ranked(first[known]), Ranked(second[known])

    def one(weights: FloatArray) -> FloatArray:
        return weighted_rho_of_rows(a.centred(weights), b.centred(weights), weights)

    out = np.full((len(counts), len(first)), np.nan)
    for sample, rho in _over_samples(one, counts, n_jobs):
        out[sample, known] = rho
    return out


def bootstrap_layers(
    model: FloatArray,
    brain: FloatArray,
    counts: NDArray[np.integer],
    *,
    n_jobs: int | None = None,
) -> FloatArray:
    """As `bootstrap`, of every brain RDM with every layer's: (n_samples, n_groups, n_layers)."""
    _check(model[:1], brain[:1], counts)
    known = known_rows(brain)
    a, b = Ranked(brain[known]), Ranked(model)

    def one(weights: FloatArray) -> FloatArray:
        return weighted_rho(a.centred(weights), b.centred(weights), weights)

    out = np.full((len(counts), len(brain), len(model)), np.nan)
    for sample, rho in _over_samples(one, counts, n_jobs):
        out[sample, known] = rho
    return out


def _over_samples(
    one: Callable[[FloatArray], FloatArray], counts: NDArray[np.integer], n_jobs: int | None
) -> Iterator[tuple[int, FloatArray]]:
    row, column = np.triu_indices(counts.shape[1], 1)
    usable = np.flatnonzero((counts > 0).sum(axis=1) >= FEWEST_SOUNDS)

    def work(sample: int) -> tuple[int, FloatArray]:
        drawn = counts[sample].astype(np.float64)
        return sample, one(drawn[row] * drawn[column])

    yield from run_threads(work, usable.tolist(), n_jobs=n_jobs)


def permutation_null(
    model: FloatArray, brain: FloatArray, *, n_permutations: int, seed: int
) -> FloatArray:
    """Spearman's rho of paired RDMs when the model's sounds are shuffled (Mantel, 1967).

    Rows and columns of the model's matrix are permuted together, the same way for all rows of a
    sample. The null: the model's dissimilarities say nothing about which sounds they belong to.
    The choice of layer is not made again: for assembled or best matrices the null is that of the
    matrix at hand.

    Parameters
    ----------
    model, brain : ndarray, shape (n, n_pairs)
        Row i of one is compared with row i of the other; rows with nan give nan.
    n_permutations, seed : int

    Returns
    -------
    ndarray, shape (n_permutations, n)
    """
    _check(model, brain, None)
    n_sounds = count_sounds(model.shape[1])
    known = known_rows(model) & known_rows(brain)
    ones = np.ones(model.shape[1])
    theirs, mine = Ranked(brain[known]).centred(ones), Ranked(model[known]).centred(ones)
    place = np.zeros((n_sounds, n_sounds), np.intp)
    row, column = np.triu_indices(n_sounds, 1)
    place[row, column] = place[column, row] = np.arange(len(row))
    rng = np.random.default_rng(seed)
    out = np.full((n_permutations, len(model)), np.nan)
    for sample in range(n_permutations):
        order = rng.permutation(n_sounds)
        shuffled = mine[:, place[order[row], order[column]]]
        out[sample, known] = weighted_rho_of_rows(shuffled, theirs, ones)
    return out


def _check(first: FloatArray, second: FloatArray, counts: NDArray[np.integer] | None) -> None:
    if first.ndim != 2 or first.shape != second.shape:
        raise InputError(
            f"dissimilarities of shapes {first.shape} and {second.shape}; expected the same "
            "(n, n_pairs): one row to compare with each row"
        )
    n_sounds = count_sounds(first.shape[1])
    if counts is not None and (counts.ndim != 2 or counts.shape[1] != n_sounds):
        raise InputError(
            f"counts of shape {counts.shape}; expected (n_samples, {n_sounds}): how often each of "
            f"{n_sounds} sounds was drawn"
        )
