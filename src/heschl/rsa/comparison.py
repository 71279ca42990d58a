"""Comparison of dissimilarity matrices, and how similar listeners are to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.rsa.ranks import Ranked, weighted_rho, weighted_rho_of_rows

FloatArray = NDArray[np.float64]


def as_rdms(rdms: NDArray[np.floating]) -> FloatArray:
    """Return RDMs, one a row, in double precision.

    Raises
    ------
    InputError
        If there are not two dimensions, or no pairs.
    """
    out = np.asarray(rdms, np.float64)
    if out.ndim != 2 or not out.shape[1]:
        raise InputError(
            f"dissimilarities have shape {out.shape}; expected two dimensions, (n, n_pairs): the "
            "upper triangle of one matrix a row"
        )
    return out


def known_rows(rdms: FloatArray) -> NDArray[np.bool_]:
    """Return which RDMs hold no nan, (n_rows,)."""
    return np.asarray(~np.isnan(rdms).any(axis=1))


def spearman(first: FloatArray, second: FloatArray) -> FloatArray:
    """Spearman's rho of every row of one array with every row of another.

    Parameters
    ----------
    first : ndarray, shape (n_a, n_pairs)
    second : ndarray, shape (n_b, n_pairs)

    Returns
    -------
    ndarray, shape (n_a, n_b)
        0 where a row is constant, nan where it holds nan.

    Raises
    ------
    InputError
        If the arrays are not two-dimensional or differ in n_pairs.
    """
    first, second = as_rdms(first), as_rdms(second)
    if first.shape[1] != second.shape[1]:
        raise InputError(
            f"dissimilarities of shapes {first.shape} and {second.shape}; expected (n_a, n_pairs) "
            "and (n_b, n_pairs): the same pairs of the same sounds"
        )
    a, b = known_rows(first), known_rows(second)
    out = np.full((len(first), len(second)), np.nan)
    out[np.ix_(a, b)] = weighted_rho(Ranked(first[a]).centred(), Ranked(second[b]).centred())
    return out


@dataclass(frozen=True)
class Ceiling:
    """How well listeners' RDMs agree: Spearman's rho.

    Attributes
    ----------
    lower : ndarray, shape (n_groups,)
        Of each listener's RDM with the mean RDM of the *others*: what other brains reach, the
        "topline" of Pepino et al. (2025).
    upper : ndarray, shape (n_groups,)
        With the mean RDM of all, the listener's own among them: inflated by that, the more so the
        fewer listeners there are; a bound from above, no goal. Lower and upper together: Nili et
        al. (2014), PLoS Comput Biol 10(4), e1003553.
    why_not : str or None
        Why there is none, in words; for rows that are nan although their RDM is known.
    """

    lower: FloatArray
    upper: FloatArray
    why_not: str | None = None


def ceiling(brain: FloatArray, regions: Sequence[object] | None = None) -> Ceiling:
    """Compare each listener with the others.

    Parameters
    ----------
    brain : ndarray, shape (n_groups, n_pairs)
        One RDM per listener, or per listener and region; rows with nan are left out.
    regions : sequence, shape (n_groups,), optional
        Only rows with equal labels are compared.

    Returns
    -------
    Ceiling
        nan where no other listener is known.

    Raises
    ------
    InputError
        If ``brain`` is not two-dimensional or ``regions`` are not one for each row.
    """
    brain = as_rdms(brain)
    labels = region_labels(brain, regions)
    known = known_rows(brain)
    lower, upper = np.full(len(brain), np.nan), np.full(len(brain), np.nan)
    alone = False
    for label in dict.fromkeys(labels):
        rows = np.flatnonzero((labels == label) & known)
        alone |= rows.size == 1
        if rows.size < 2:
            continue
        mine = brain[rows]
        # not the total less the listener's own: its rounding would part equal dissimilarities
        others = np.stack([np.delete(mine, k, axis=0).mean(axis=0) for k in range(rows.size)])
        ranks = Ranked(mine).centred()
        lower[rows] = weighted_rho_of_rows(ranks, Ranked(others).centred())
        everyone = Ranked(mine.mean(axis=0, keepdims=True)).centred()
        upper[rows] = weighted_rho(ranks, everyone)[:, 0]
    reason = "a single listener has no others to be compared with: no ceiling" if alone else None
    return Ceiling(lower, upper, reason)


def region_labels(brain: FloatArray, regions: Sequence[object] | None) -> NDArray[np.str_]:
    """Return one label per row as text; all the same if none were given."""
    labels = np.array([""] * len(brain) if regions is None else [str(name) for name in regions])
    if labels.shape != (len(brain),):
        raise InputError(
            f"{labels.size} labels of regions for {len(brain)} dissimilarity matrices; expected "
            "one each"
        )
    return labels
