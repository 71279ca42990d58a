"""Representational dissimilarity matrices (RDMs)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.errors import InputError

FloatArray = NDArray[np.float64]

#: Columns that are z-scored at a time: their copies stay small beside the data.
BLOCK = 8192
#: Added to every standard deviation (Pepino et al., 2025), so that constant columns become 0.
TINY = 1e-10
#: Rows of z-scored columns that vary by less than this are constant up to rounding.
FLAT = 1e-12


def rdm(x: NDArray[np.floating]) -> FloatArray:
    """Dissimilarity of every two sounds: 1 - Pearson's r between their response patterns.

    Columns are z-scored over sounds first (ddof 0, 1e-10 added to the standard deviation). Source:
    Pepino et al. (2025), arXiv:2511.16849, representational similarity analysis.

    Parameters
    ----------
    x : ndarray, shape (n_sounds, n)
        Features of a layer, or responses of a listener's voxels.

    Returns
    -------
    ndarray, shape (n_sounds, n_sounds)
        Symmetric, 0 on the diagonal. A pattern that does not vary correlates with no other: its
        dissimilarities are 1.

    Raises
    ------
    InputError
        If there are fewer than two columns or two sounds, or values are not finite.
    """
    x = np.asarray(x)
    if x.ndim != 2 or min(x.shape) < 2:
        raise InputError(
            f"a pattern matrix has shape {x.shape}; expected (n_sounds, n) with at least two of "
            "each: one column has no pattern to correlate"
        )
    n_sounds, n = x.shape
    total = np.zeros((n_sounds, 1))
    for z in _standardised(x):
        total += z.sum(axis=1, keepdims=True)
    mean = total / n
    products = np.zeros((n_sounds, n_sounds))
    for z in _standardised(x):
        z -= mean
        products += z @ z.T
    norm = np.sqrt(np.diag(products))
    varying = norm > FLAT * np.sqrt(n)
    r = np.zeros_like(products)
    np.divide(products, np.outer(norm, norm), out=r, where=np.outer(varying, varying))
    out = 1.0 - (r + r.T) / 2
    np.fill_diagonal(out, 0.0)
    return out


def _standardised(x: NDArray[np.floating]) -> Iterator[FloatArray]:
    """Yield blocks of columns as z-scores."""
    for start in range(0, x.shape[1], BLOCK):
        block = x[:, start : start + BLOCK].astype(np.float64)
        if not np.isfinite(block).all():
            raise InputError(
                "a pattern matrix holds nan or infinity; leave such columns out before"
            )
        block -= block.mean(axis=0)
        block /= block.std(axis=0) + TINY
        yield block


def upper_triangle(matrix: FloatArray) -> FloatArray:
    """Entries above the diagonal, row by row, (n_pairs,) with n_pairs = n (n - 1) / 2."""
    return np.asarray(matrix[np.triu_indices(len(matrix), 1)])


def count_sounds(n_pairs: int) -> int:
    """Return the number of sounds that have this many pairs.

    Raises
    ------
    InputError
        If no number of sounds has.
    """
    n = (1 + int(np.sqrt(1 + 8 * n_pairs))) // 2
    if n < 2 or n * (n - 1) // 2 != n_pairs:
        raise InputError(
            f"{n_pairs} entries are not the upper triangle of any square matrix; expected "
            "n (n - 1) / 2 of them for n sounds"
        )
    return n


def brain_rdms(
    responses: FloatArray, groups: Sequence[object] | NDArray[np.object_]
) -> tuple[tuple[str, ...], FloatArray]:
    """One dissimilarity matrix for each group of targets, such as a listener's voxels.

    Parameters
    ----------
    responses : ndarray, shape (n_sounds, n_targets)
        Mean over repetitions. Targets with any nan are left out.
    groups : sequence of str, shape (n_targets,)
        Label of each target's group; None or nan for targets of no group.

    Returns
    -------
    names : tuple of str
        In order of first appearance.
    rdms : ndarray, shape (n_groups, n_pairs)
        Upper triangles; nan for a group with fewer than two targets left.
    """
    labels = np.asarray(groups, dtype=object)
    if labels.shape != (responses.shape[1],):
        raise InputError(
            f"{labels.size} labels of groups for {responses.shape[1]} targets; expected one each"
        )
    known = ~pd.isna(labels)
    complete = ~np.isnan(responses).any(axis=0)
    names = tuple(dict.fromkeys(str(label) for label in labels[known]))
    n_sounds = len(responses)
    out = np.full((len(names), n_sounds * (n_sounds - 1) // 2), np.nan)
    texts = np.array([str(label) for label in labels])
    for i, name in enumerate(names):
        mine = np.flatnonzero((texts == name) & known & complete)
        if mine.size >= 2:
            out[i] = upper_triangle(rdm(responses[:, mine]))
    return names, out
