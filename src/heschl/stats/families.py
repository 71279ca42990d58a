"""Correlation over models of several families: relatives are not independent.

Models of one family (the same method in three sizes, say) tend to have similar scores. Counting
each as a model of its own makes p too small. Three looks at the same data: without each family in
turn (does one of them make the correlation?), over the families' means (do families that are better
also match better?), and within families (does it hold among relatives, where most else is equal?).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.stats.association import (
    Association,
    CorrelationKind,
    check_kind,
    checked_pair,
    correlate,
)
from heschl.stats.listeners import group_members
from heschl.stats.partial import partial_correlation

FloatArray = NDArray[np.float64]
Members = dict[str, NDArray[np.intp]]


def without_each_family(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    families: Iterable[str],
    *,
    kind: CorrelationKind = "pearson",
) -> dict[str, Association]:
    """Correlate two measures over models, each time without one family.

    Parameters
    ----------
    x, y : ndarray, shape (n_models,)
        Any units. Models with nan in either are left out.
    families : sequence of str, shape (n_models,)
        A model without relatives is a family of its own.
    kind : {"pearson", "spearman"}, optional

    Returns
    -------
    dict of str to Association
        By the family that was left out, in order of first appearance; without intervals. Families
        that have no model with both measures are not in it.

    Raises
    ------
    InputError
        If shapes disagree, values are infinite, or a model has no family.
    UsageError
        If the kind is unknown.

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0, 3.0, 4.0, 9.0]), np.array([1.0, 3.0, 2.0, 1.5, 9.0])
    >>> found = without_each_family(x, y, ["a", "a", "b", "b", "c"])
    >>> {family: round(one.value, 2) for family, one in found.items()}
    {'a': 0.98, 'b': 0.99, 'c': 0.08}
    """
    check_kind(kind)
    x, y, members = _complete(x, y, families)
    return {
        name: correlate(np.delete(x, mine), np.delete(y, mine), kind=kind, n_bootstrap=0)
        for name, mine in members.items()
    }


def of_family_means(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    families: Iterable[str],
    *,
    kind: CorrelationKind = "pearson",
    n_bootstrap: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Association:
    """Correlate the families' means, each family counting once however many models it has.

    Parameters
    ----------
    x, y, families, kind
        As `without_each_family`.
    n_bootstrap, seed, level
        As `correlate`; families are resampled.

    Returns
    -------
    Association
        ``n`` is the number of families.

    Raises
    ------
    InputError
        If shapes disagree, values are infinite, or a model has no family.
    UsageError
        As `correlate`.
    """
    check_kind(kind)
    x, y, members = _complete(x, y, families)
    mean_x, mean_y = (
        np.array([values[mine].mean() for mine in members.values()]) for values in (x, y)
    )
    return correlate(mean_x, mean_y, kind=kind, n_bootstrap=n_bootstrap, seed=seed, level=level)


def within_families(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    families: Iterable[str],
    *,
    kind: CorrelationKind = "pearson",
    level: float = 0.95,
) -> Association:
    """Correlate values less their family's mean: the within-group correlation of ANCOVA.

    It is the partial correlation given the families, and p has n - n_families - 1 degrees of
    freedom; it takes the relation to be the same in all families. For Spearman, models are ranked
    over all families and the ranks centred within each.

    Parameters
    ----------
    x, y, families, kind
        As `without_each_family`. A family with a single model says nothing, and does not count.
    level : float, optional
        Of the interval, as `partial_correlation`.

    Returns
    -------
    Association
        ``n`` is the number of models in families with at least two of them. nan where no degree of
        freedom is left.

    Raises
    ------
    InputError
        If shapes disagree, values are infinite, or a model has no family.
    UsageError
        As `partial_correlation`.

    Examples
    --------
    Higher from family to family, and lower from model to model:

    >>> x, y = np.array([1.0, 2.0, 3.0, 11.0, 12.0]), np.array([3.0, 2.5, 1.0, 13.0, 12.0])
    >>> found = within_families(x, y, ["a", "a", "a", "b", "b"])
    >>> print(f"{found.value:.2f} within, {correlate(x, y).value:.2f} over all")
    -0.97 within, 0.96 over all
    """
    x, y, members = _complete(x, y, families)
    several = [mine for mine in members.values() if len(mine) > 1]
    rows = np.concatenate([*several, np.empty(0, np.intp)])
    sizes = [len(mine) for mine in several]
    belongs = np.repeat(np.arange(len(several)), sizes)[:, None] == np.arange(len(several))
    return partial_correlation(x[rows], y[rows], belongs.astype(float), kind=kind, level=level)


def family_members(families: Iterable[str], n_models: int) -> Members:
    """Models of each family, families in order of first appearance.

    Raises
    ------
    InputError
        If there is not one name of a family for each model.
    """
    names = list(families)
    if len(names) != n_models:
        raise InputError(f"{len(names)} families for {n_models} models; expected one for each")
    for i, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise InputError(
                f"the family of model {i} is {name!r}; expected its name (a model without "
                "relatives is a family of its own: give it a name that no other has)"
            )
    members = group_members(np.array(names, dtype=str), n_models)
    return {str(names[mine[0]]): mine for mine in members}


def _complete(
    x: NDArray[np.floating], y: NDArray[np.floating], families: Iterable[str]
) -> tuple[FloatArray, FloatArray, Members]:
    """Both measures, and the models of each family that have both."""
    x, y = checked_pair(x, y)
    known = ~(np.isnan(x) | np.isnan(y))
    members = {name: mine[known[mine]] for name, mine in family_members(families, len(x)).items()}
    return x, y, {name: mine for name, mine in members.items() if mine.size}
