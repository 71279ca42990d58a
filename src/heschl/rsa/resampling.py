"""Bootstrap over sounds: a resample only weighs the pairs of sounds.

All ranks come from one sort of each matrix; see `heschl.rsa.ranks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from heschl.checks import checked_counts
from heschl.errors import InputError
from heschl.rsa.comparison import as_rdms, known_rows
from heschl.rsa.dissimilarity import count_sounds
from heschl.rsa.ranks import Ranked, weighted_rho, weighted_rho_of_rows
from heschl.threads import run_threads

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Distinct sounds that a resample needs: two have a single pair, which has no order.
FEWEST_SOUNDS = 3
#: Resamples that a thread works through in one go.
PIECE = 16


def bootstrap(
    first: FloatArray,
    second: FloatArray,
    counts: NDArray[np.integer],
    *,
    n_jobs: int | None = None,
) -> FloatArray:
    """Spearman's rho of paired RDMs in bootstrap resamples of the sounds.

    A sound drawn c times stands c times in the resampled matrix. Pairs of a sound with itself are
    left out: their dissimilarity of 0 is no measurement (as in Schütt et al., 2023, eLife 12,
    e82566). A pair of sounds drawn c and d times thus has the weight c d.

    Parameters
    ----------
    first, second : ndarray, shape (n, n_pairs)
        Row i of one is compared with row i of the other; rows with nan give nan. Rows that are the
        same, such as one model beside many listeners, are ranked once.
    counts : ndarray of int, shape (n_samples, n_sounds)
        How often each sound was drawn.
    n_jobs : int, optional
        Threads; never changes the numbers.

    Returns
    -------
    ndarray, shape (n_samples, n)
        nan in resamples of fewer than three different sounds.

    Raises
    ------
    InputError
        If shapes disagree, or counts are not whole numbers from 0 on.
    """
    first, second = as_rdms(first), as_rdms(second)
    if first.shape != second.shape:
        raise InputError(
            f"dissimilarities of shapes {first.shape} and {second.shape}; expected the same "
            "(n, n_pairs): one row to compare with each row"
        )
    counts = checked_counts(counts, count_sounds(first.shape[1]), "sounds")
    known = known_rows(first) & known_rows(second)
    (rows_a, place_a), (rows_b, place_b) = _distinct(first[known]), _distinct(second[known])
    a, b = Ranked(rows_a), Ranked(rows_b)
    all_differ = len(rows_a) == len(rows_b) == known.sum()

    def piece(resamples: Iterable[IntArray]) -> Iterator[FloatArray]:
        mine, theirs, spare = np.empty(a.shape), np.empty(b.shape), np.empty(a.shape)
        for weights in resamples:
            a.centred(weights, out=mine)
            b.centred(weights, out=theirs)
            if all_differ:
                yield weighted_rho_of_rows(mine, theirs, weights)
            else:
                yield weighted_rho(mine, theirs, weights, out=spare)[place_a, place_b]

    out = np.full((len(counts), len(first)), np.nan)
    out[:, known] = _over_samples(piece, counts, (int(known.sum()),), n_jobs)
    return out


def bootstrap_layers(
    model: FloatArray,
    brain: FloatArray,
    counts: NDArray[np.integer],
    *,
    n_jobs: int | None = None,
) -> FloatArray:
    """As `bootstrap`, of every brain RDM with every layer's.

    Parameters
    ----------
    model : ndarray, shape (n_layers, n_pairs)
    brain : ndarray, shape (n_groups, n_pairs)
    counts : ndarray of int, shape (n_samples, n_sounds)
    n_jobs : int, optional

    Returns
    -------
    ndarray, shape (n_samples, n_groups, n_layers)
        nan for rows with nan, and in resamples of fewer than three different sounds.

    Raises
    ------
    InputError
        If shapes disagree, or counts are not whole numbers from 0 on.
    """
    model, brain = as_rdms(model), as_rdms(brain)
    check_same_pairs(model, brain)
    counts = checked_counts(counts, count_sounds(model.shape[1]), "sounds")
    groups, layers = np.flatnonzero(known_rows(brain)), np.flatnonzero(known_rows(model))
    a, b = Ranked(brain[groups]), Ranked(model[layers])

    def piece(resamples: Iterable[IntArray]) -> Iterator[FloatArray]:
        mine, theirs, spare = np.empty(a.shape), np.empty(b.shape), np.empty(a.shape)
        for weights in resamples:
            a.centred(weights, out=mine)
            b.centred(weights, out=theirs)
            yield weighted_rho(mine, theirs, weights, out=spare)

    out = np.full((len(counts), len(brain), len(model)), np.nan)
    shape = (groups.size, layers.size)
    out[np.ix_(np.arange(len(counts)), groups, layers)] = _over_samples(
        piece, counts, shape, n_jobs
    )
    return out


def check_same_pairs(model: FloatArray, brain: FloatArray) -> None:
    """Raise InputError unless RDMs of layers and of brains are about the same pairs of sounds."""
    if model.shape[1] != brain.shape[1]:
        raise InputError(
            f"brain RDMs of shape {brain.shape}, model RDMs of shape {model.shape}; expected "
            "(n_groups, n_pairs) and (n_layers, n_pairs)"
        )
    count_sounds(model.shape[1])


def _distinct(rdms: FloatArray) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return the rows that differ, and where among them each row is."""
    index: dict[bytes, int] = {}
    place = np.array([index.setdefault(row.tobytes(), len(index)) for row in rdms], np.intp)
    _, first = np.unique(place, return_index=True)
    return rdms[first], place


def _over_samples(
    piece: Callable[[Iterable[IntArray]], Iterator[FloatArray]],
    counts: IntArray,
    shape: tuple[int, ...],
    n_jobs: int | None,
) -> FloatArray:
    """Pass the weights of the pairs in each resample to ``piece``; (n_samples, *shape).

    Each thread holds the ranks of one resample at a time, in the same memory for all of a piece.
    """
    row, column = np.triu_indices(counts.shape[1], 1)
    usable = np.flatnonzero((counts > 0).sum(axis=1) >= FEWEST_SOUNDS)
    out = np.full((len(counts), *shape), np.nan)

    def work(start: int) -> None:
        samples = usable[start : start + PIECE]
        resamples = (counts[s].take(row) * counts[s].take(column) for s in samples)
        for sample, rho in zip(samples, piece(resamples), strict=True):
            out[sample] = rho

    for _ in run_threads(work, range(0, usable.size, PIECE), n_jobs=n_jobs):
        pass
    return out
