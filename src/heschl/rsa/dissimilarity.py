"""Representational dissimilarity matrices (RDMs)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.errors import InputError

FloatArray = NDArray[np.float64]

#: Columns that are z-scored at a time: their copies stay small beside the data.
BLOCK = 2048
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
    products, mean, seen = np.zeros((n_sounds, n_sounds)), np.zeros((n_sounds, 1)), 0
    for z in _standardised(x):
        width = z.shape[1]
        block_mean = z.mean(axis=1, keepdims=True)
        z -= block_mean
        # sums of products about the mean of all columns so far, from those about each part's own
        # (Chan, Golub & LeVeque, 1983, The American Statistician 37, 242-247): one pass, no loss
        shift = block_mean - mean
        products += z @ z.T
        products += shift @ shift.T * (seen * width / (seen + width))
        seen += width
        mean += shift * (width / seen)
    norm = np.sqrt(np.diag(products))
    varying = norm > FLAT * np.sqrt(n)
    r = np.zeros_like(products)
    np.divide(products, np.outer(norm, norm), out=r, where=np.outer(varying, varying))
    out = 1.0 - (r + r.T) / 2
    np.fill_diagonal(out, 0.0)
    return out


def _standardised(x: NDArray[np.floating]) -> Iterator[FloatArray]:
    """Yield blocks of columns as z-scores."""
    n_sounds, n = x.shape
    for start in range(0, n, BLOCK):
        block = x[:, start : start + BLOCK].astype(np.float64)
        if not np.isfinite(block).all():
            raise InputError(
                "a pattern matrix holds nan or infinity; leave such columns out before"
            )
        block -= block.mean(axis=0)
        block /= np.sqrt(np.einsum("st,st->t", block, block) / n_sounds) + TINY
        yield block


def upper_triangle(matrix: FloatArray) -> FloatArray:
    """Entries above the diagonal, row by row.

    Parameters
    ----------
    matrix : ndarray, shape (n_sounds, n_sounds)

    Returns
    -------
    ndarray, shape (n_pairs,)
        n_pairs = n_sounds (n_sounds - 1) / 2, in the order of ``np.triu_indices(n_sounds, 1)``.

    Raises
    ------
    InputError
        If the matrix is not square.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            f"a dissimilarity matrix has shape {matrix.shape}; expected (n_sounds, n_sounds)"
        )
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
    responses: NDArray[np.floating], groups: Sequence[object] | NDArray[Any]
) -> tuple[tuple[str, ...], FloatArray]:
    """One dissimilarity matrix for each group of targets, such as a listener's voxels.

    Parameters
    ----------
    responses : ndarray, shape (n_sounds, n_targets)
        Mean over repetitions. Targets with any nan are left out.
    groups : sequence, shape (n_targets,)
        Label of each target's group (a listener, or a listener and region), compared as text; None
        or nan for targets of no group.

    Returns
    -------
    names : tuple of str
        In order of first appearance.
    rdms : ndarray, shape (n_groups, n_pairs)
        Upper triangles; nan for a group with fewer than two targets left.

    Raises
    ------
    InputError
        If shapes disagree, there are fewer than two sounds, or responses are infinite.
    """
    y = np.asarray(responses)
    if y.ndim != 2 or len(y) < 2:
        raise InputError(
            f"responses have shape {y.shape}; expected (n_sounds, n_targets), the mean over "
            "repetitions, with at least two sounds"
        )
    n_sounds, n_targets = y.shape
    if len(groups) != n_targets:
        raise InputError(
            f"{len(groups)} labels of groups for {n_targets} targets; expected one each"
        )
    complete = np.asarray(~np.isnan(y).any(axis=0))
    members: dict[str, list[int]] = {}
    for target, label in enumerate(groups):
        if label is None or label is pd.NA or label != label:  # nan alone differs from itself
            continue
        mine = members.setdefault(str(label), [])
        if complete[target]:
            mine.append(target)
    out = np.full((len(members), n_sounds * (n_sounds - 1) // 2), np.nan)
    for one, mine in zip(out, members.values(), strict=True):
        if len(mine) >= 2:
            one[:] = upper_triangle(rdm(y[:, mine]))
    return tuple(members), out
