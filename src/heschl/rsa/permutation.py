"""Permutation of sounds: how similar dissimilarity matrices are when one forgets which is which.

Rows and columns of the model's matrices are permuted together (Mantel, 1967, Cancer Research 27,
209-220), the same way for all layers and all listeners of a sample: their dependence stays, so the
mean over listeners in a sample is a draw of the null of the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from heschl.errors import UsageError
from heschl.rsa.choice import best_over_listeners
from heschl.rsa.comparison import as_rdms, known_rows, region_labels
from heschl.rsa.dissimilarity import count_sounds
from heschl.rsa.protocols import RsaProtocol
from heschl.rsa.ranks import Ranked, weighted_rho, weighted_rho_of_rows
from heschl.rsa.resampling import check_same_pairs
from heschl.rsa.scoring import find_protocol, score_rdms
from heschl.threads import run_threads

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]


def permutation_null(
    model: FloatArray,
    brain: FloatArray,
    n_permutations: int,
    seed: int,
    *,
    n_jobs: int | None = None,
) -> FloatArray:
    """Spearman's rho of every brain RDM with every layer's when the model's sounds are permuted.

    The null: the layer's dissimilarities say nothing about which sounds they belong to. It is about
    one layer that was named before; for the best of several see `null_scores`.

    Parameters
    ----------
    model : ndarray, shape (n_layers, n_pairs)
    brain : ndarray, shape (n_groups, n_pairs)
    n_permutations : int
    seed : int
        Of ``np.random.default_rng``, which draws one permutation of the sounds after another.
    n_jobs : int, optional
        Threads; never changes the numbers.

    Returns
    -------
    ndarray, shape (n_permutations, n_groups, n_layers)
        nan for rows with nan.

    Raises
    ------
    InputError
        If shapes disagree.
    UsageError
        If there are to be fewer than one permutation.
    """
    _check_number(n_permutations)
    model, brain = as_rdms(model), as_rdms(brain)
    check_same_pairs(model, brain)
    groups, layers = np.flatnonzero(known_rows(brain)), np.flatnonzero(known_rows(model))
    theirs, mine = Ranked(brain[groups]).centred(), Ranked(model[layers]).centred()

    def one(moved: IndexArray) -> FloatArray:
        return weighted_rho(theirs, mine.take(moved, axis=1))

    out = np.full((n_permutations, len(brain), len(model)), np.nan)
    n_sounds = count_sounds(model.shape[1])
    for sample, rho in _over_permutations(one, n_sounds, n_permutations, seed, n_jobs):
        out[sample][np.ix_(groups, layers)] = rho
    return out


def null_scores(
    model: FloatArray,
    brain: FloatArray,
    folds: NDArray[np.integer],
    n_permutations: int,
    seed: int,
    *,
    protocol: str | RsaProtocol = "pepino2025",
    regions: Sequence[object] | None = None,
    n_jobs: int | None = None,
) -> FloatArray:
    """Scores that a protocol gives when the model's sounds are permuted.

    "max": the best layer is chosen again in each permutation, so the null includes the gain from
    choosing. It tests that *no* layer's dissimilarities tell which sounds they belong to.

    "crossval": the matrix assembled from the true data is permuted as it is, no layer is chosen
    again. It tests that the assembled matrix does not tell which sounds it belongs to, given the
    layers chosen. The choice looked at other entries than those it filled, but these share sounds
    with them, and entries filled twice keep the later layer: what the choice gains by chance is
    little and not part of this null. To include it, call `score_rdms` with permuted matrices.

    Parameters
    ----------
    model : ndarray, shape (n_layers, n_pairs)
    brain : ndarray, shape (n_groups, n_pairs)
    folds : ndarray of int, shape (n_sounds,)
    n_permutations, seed : int
    protocol : str or RsaProtocol, optional
    regions : sequence, shape (n_groups,), optional
    n_jobs : int, optional
        Threads; never changes the numbers.

    Returns
    -------
    ndarray, shape (n_permutations, n_groups)
        nan for rows with nan. The same seed gives the permutations of `permutation_null`.

    Raises
    ------
    InputError, UsageError, UnknownNameError
        As `score_rdms` and `permutation_null`.
    """
    _check_number(n_permutations)
    chosen = find_protocol(protocol)
    scored = score_rdms(model, brain, folds, protocol=chosen, regions=regions, n_jobs=n_jobs)
    brain = as_rdms(brain)
    known = known_rows(brain)
    if chosen.layer_choice == "max":
        rho = permutation_null(model, brain, n_permutations, seed, n_jobs=n_jobs)
        index = best_over_listeners(rho, region_labels(brain, regions), known)
        return np.take_along_axis(rho, index[..., None], axis=2)[..., 0]
    theirs, mine = Ranked(brain[known]).centred(), Ranked(scored.model[known]).centred()

    def one(moved: IndexArray) -> FloatArray:
        return weighted_rho_of_rows(theirs, mine.take(moved, axis=1))

    out = np.full((n_permutations, len(brain)), np.nan)
    for sample, rho in _over_permutations(one, len(folds), n_permutations, seed, n_jobs):
        out[sample, known] = rho
    return out


def _check_number(n_permutations: int) -> None:
    if n_permutations < 1:
        raise UsageError(f"n_permutations is {n_permutations}; expected at least 1")


def _over_permutations(
    one: Callable[[IndexArray], FloatArray],
    n_sounds: int,
    n_permutations: int,
    seed: int,
    n_jobs: int | None,
) -> Iterator[tuple[int, FloatArray]]:
    """Call ``one`` with the places that the entries of a permuted upper triangle come from."""
    row, column = np.triu_indices(n_sounds, 1)
    place = np.zeros((n_sounds, n_sounds), np.intp)
    place[row, column] = place[column, row] = np.arange(len(row))
    rng = np.random.default_rng(seed)
    orders = ((sample, rng.permutation(n_sounds)) for sample in range(n_permutations))

    def work(item: tuple[int, NDArray[np.int64]]) -> tuple[int, FloatArray]:
        sample, order = item
        return sample, one(place[order[row], order[column]])

    yield from run_threads(work, orders, n_jobs=n_jobs)
