"""Comparison of dissimilarity matrices, and how similar listeners are to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.rsa.ranks import Ranked, weighted_rho, weighted_rho_of_rows

FloatArray = NDArray[np.float64]


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
    """
    a, b = known_rows(first), known_rows(second)
    out = np.full((len(first), len(second)), np.nan)
    ones = np.ones(first.shape[1])
    ranks_a, ranks_b = Ranked(first[a]).centred(ones), Ranked(second[b]).centred(ones)
    out[np.ix_(a, b)] = weighted_rho(ranks_a, ranks_b, ones)
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
        With the mean RDM of all, the listener's own among them: inflated by that, a bound from
        above.
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
    """
    labels = region_labels(brain, regions)
    lower, upper = np.full(len(brain), np.nan), np.full(len(brain), np.nan)
    alone = False
    ones = np.ones(brain.shape[1])
    for label in dict.fromkeys(labels):
        rows = np.flatnonzero((labels == label) & known_rows(brain))
        alone |= rows.size == 1
        if rows.size < 2:
            continue
        mine = brain[rows]
        total = mine.sum(axis=0)
        ranks = Ranked(mine).centred(ones)
        others = Ranked((total - mine) / (rows.size - 1)).centred(ones)
        lower[rows] = weighted_rho_of_rows(ranks, others, ones)
        everyone = Ranked(total[None] / rows.size).centred(ones)
        upper[rows] = weighted_rho(ranks, everyone, ones)[:, 0]
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
