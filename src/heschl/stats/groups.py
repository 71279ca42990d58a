"""Whether models of one kind score higher than models of another, families taken into account."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError, UsageError
from heschl.stats.comparisons import TIE
from heschl.stats.families import family_members

FloatArray = NDArray[np.float64]
How = Literal["within families", "between families"]
#: Values that exchange their kinds: those of the first, those of the second.
Block = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class GroupDifference:
    """One of the two comparisons of `compare_groups`.

    Attributes
    ----------
    how : {"within families", "between families"}
    n : int
        Families that count.
    difference : float
        First less second, in the unit of the values; nan where they cannot be compared.
    p : float
        Two-sided, by permutation; nan where the difference is.
    n_patterns : int
        Arrangements of the kinds that were tried. Few families have few: p is never below
        1 / n_patterns, nor below 2 / n_patterns where mirrored arrangements differ as much, such as
        between as many families of either kind. 0 where there is no difference.
    exact : bool
        Whether these are all arrangements.
    """

    how: How
    n: int
    difference: float
    p: float
    n_patterns: int
    exact: bool


def compare_groups(
    values: NDArray[np.floating],
    groups: Iterable[object],
    families: Iterable[str],
    first: str,
    second: str,
    *,
    n_permutations: int = 10_000,
    seed: int = 0,
) -> tuple[GroupDifference, GroupDifference]:
    """Compare two kinds of models, within families that have both and between those that do not.

    No model counts in both comparisons. *Within families*: the mean over families with both kinds
    of (mean of the first - mean of the second); under the null, kinds are exchangeable among the
    models of a family. *Between families*: families with a single one of the two kinds are reduced
    to their means; mean over those of the first - mean over those of the second; under the null,
    kinds are exchangeable among families. p is the share of arrangements of the kinds whose
    difference is at least as far from 0. All are tried where they are not more than
    ``n_permutations``; else so many random ones, p being (count + 1) / (n_permutations + 1).

    Few families cannot give a small p: two against two families have 6 arrangements, and p is at
    least 1/3; three against three 0.1, four against four 0.029. One family with two models of
    either kind gives at least 1/3, and says something about that family only.

    Parameters
    ----------
    values : ndarray, shape (n_models,)
        Any unit. Models with nan are left out first.
    groups : sequence, shape (n_models,)
        Kind of each model, such as its training; models of other kinds, or none, are left out.
    families : sequence of str, shape (n_models,)
        A model without relatives is a family of its own.
    first, second : str
        The two kinds.
    n_permutations : int, optional
    seed : int, optional
        Of ``np.random.default_rng``, for random arrangements.

    Returns
    -------
    within, between : GroupDifference
        nan within families where no family has both kinds; between them where none has the first
        kind only, or none the second only.

    Raises
    ------
    InputError
        If shapes disagree, values are infinite, or a model has no family.
    UsageError
        If the two kinds are the same, or ``n_permutations`` is below 1.

    Examples
    --------
    >>> values = np.array([0.5, 0.3, 0.6, 0.5, 0.8, 0.4])
    >>> groups = ["ssl", "supervised", "ssl", "supervised", "ssl", "supervised"]
    >>> within, between = compare_groups(
    ...     values, groups, ["a", "a", "b", "b", "c", "d"], "ssl", "supervised"
    ... )
    >>> print(f"{within.difference:.2f} in {within.n} families, {between.difference:.2f} between")
    0.15 in 2 families, 0.40 between
    """
    if first == second:
        raise UsageError(f"first and second are both {first!r}; expected two kinds to compare")
    if n_permutations < 1:
        raise UsageError(
            f"n_permutations is {n_permutations}; expected a whole number of at least 1"
        )
    both, only_first, only_second = _by_family(values, groups, families, first, second)
    pooled = [(np.array(only_first), np.array(only_second))] if only_first and only_second else []
    options = {"n_permutations": n_permutations, "seed": seed}
    return (
        _compared("within families", len(both), both, **options),
        _compared("between families", len(only_first) + len(only_second), pooled, **options),
    )


def _by_family(
    values: NDArray[np.floating],
    groups: Iterable[object],
    families: Iterable[str],
    first: str,
    second: str,
) -> tuple[list[Block], list[float], list[float]]:
    """Values of families with both kinds, means of those with the first, with the second."""
    v, kinds = np.asarray(values, np.float64), list(groups)
    if v.ndim != 1 or np.isinf(v).any():
        raise InputError(
            f"values of shape {v.shape}; expected one finite number, or nan, for each model"
        )
    if len(kinds) != len(v):
        raise InputError(f"{len(kinds)} groups for {len(v)} models; expected one for each")
    # a missing kind may be something that does not compare, such as pandas' NA
    mine = [np.array([isinstance(k, str) and k == name for k in kinds]) for name in (first, second)]
    both, only_first, only_second = [], [], []
    for models in family_members(families, len(v)).values():
        known = models[~np.isnan(v[models])]
        a, b = (v[known[is_it[known]]] for is_it in mine)
        if a.size and b.size:
            both.append((a, b))
        elif a.size:
            only_first.append(float(a.mean()))
        elif b.size:
            only_second.append(float(b.mean()))
    return both, only_first, only_second


def _compared(
    how: How, n: int, blocks: list[Block], *, n_permutations: int, seed: int
) -> GroupDifference:
    """Mean over blocks of the difference, tested by exchanging kinds within each block."""
    if not blocks:
        return GroupDifference(how, n, np.nan, np.nan, 0, False)
    difference = float(np.mean([a.mean() - b.mean() for a, b in blocks]))
    exact = math.prod(math.comb(a.size + b.size, a.size) for a, b in blocks) <= n_permutations
    if exact:
        sums = reduce(lambda so_far, block: np.add.outer(so_far, _all(block)).ravel(), blocks, ZERO)
    else:
        rng = np.random.default_rng(seed)
        sums = np.sum([_random(block, n_permutations, rng) for block in blocks], axis=0)
    rounding = TIE * max(np.abs(np.concatenate(block)).max() for block in blocks)
    count = int((np.abs(sums / len(blocks)) >= abs(difference) - rounding).sum())
    p = count / sums.size if exact else (count + 1) / (n_permutations + 1)
    return GroupDifference(how, n, difference, p, sums.size, exact)


#: The sum of no differences.
ZERO = np.zeros(1)


def _all(block: Block) -> FloatArray:
    """Difference in every arrangement of the kinds."""
    pooled, n_first = np.concatenate(block), block[0].size
    chosen = np.array(list(itertools.combinations(range(pooled.size), n_first)))
    return _differences(pooled[chosen].sum(axis=1), pooled, n_first)


def _random(block: Block, n_permutations: int, rng: np.random.Generator) -> FloatArray:
    """Difference in random arrangements of the kinds."""
    pooled, n_first = np.concatenate(block), block[0].size
    shuffled = rng.permuted(np.tile(pooled, (n_permutations, 1)), axis=1)
    return _differences(shuffled[:, :n_first].sum(axis=1), pooled, n_first)


def _differences(sums: FloatArray, pooled: FloatArray, n_first: int) -> FloatArray:
    return np.asarray(sums / n_first - (pooled.sum() - sums) / (pooled.size - n_first))
