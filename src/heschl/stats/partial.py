"""Correlation over models of what other measures leave unexplained."""

from __future__ import annotations

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from heschl.errors import InputError, UsageError
from heschl.stats.association import (
    Association,
    CorrelationKind,
    check_kind,
    checked_pair,
    is_flat,
    p_of_correlation,
    pearson,
    ranks,
)
from heschl.stats.association_bootstrap import fisher_z

FloatArray = NDArray[np.float64]

#: What the others leave of a measure, beside all of it, if they leave nothing but rounding.
SPENT = 1e-7


def partial_correlation(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    given: NDArray[np.floating],
    *,
    kind: CorrelationKind = "pearson",
    level: float = 0.95,
) -> Association:
    """Correlate what is left of two measures once others are regressed out of both.

    p is that of Student's t with n - 2 - k degrees of freedom for k other measures; those that are
    constant or follow from the rest do not count. The interval is Fisher's: z -+ the normal's
    quantile times 1 / sqrt(n - k - 3) (Fisher, 1924, Metron 3, 329-332), for Spearman times
    sqrt(1 + rho^2 / 2) (Bonett & Wright, 2000, Psychometrika 65(1), 23-28). With 15 to 36 models,
    1 to 3 other measures and normal values it covers 94 to 96% (Pearson) and 93 to 97% (Spearman).
    It takes values to be normal, and models to be independent.

    Spearman's is the same of the ranks: only what is linear in the ranks of the others is removed.
    Of two measures that share nothing but three others, about a rho of -0.05 is left, and p was
    below 0.05 in 6 to 8% of the simulations.

    Parameters
    ----------
    x, y : ndarray, shape (n_models,)
        Any units.
    given : ndarray, shape (n_models, k)
        Measures to hold fixed, such as the logarithm of the number of parameters. Models with nan
        in any, or in x or y, are left out.
    kind : {"pearson", "spearman"}, optional
    level : float, optional
        Of the interval.

    Returns
    -------
    Association
        Value and p are nan where there are fewer than 3 + k models, or nothing is left of x or y;
        the interval with fewer than 4 + k.

    Raises
    ------
    InputError
        If shapes disagree or values are infinite.
    UsageError
        If the kind is unknown or the level not between 0 and 1.

    Examples
    --------
    Two measures that both grow with the size of a model, and otherwise are opposed:

    >>> size = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    >>> wave = np.array([0.1, -0.2, 0.1, 0.1, -0.2, 0.1])
    >>> found = partial_correlation(size + wave, size - wave, size[:, None])
    >>> print(f"{found.value:.2f}")
    -1.00
    """
    check_kind(kind)
    if not 0 < level < 1:
        raise UsageError(f"level is {level}; expected a share between 0 and 1, such as 0.95")
    x, y, others = _complete(x, y, given)
    n = len(x)
    unknown = Association(kind, n, np.nan, np.nan, np.nan, np.nan)
    if n < 3 or is_flat(x) or is_flat(y):
        return unknown
    columns = [column for column in others.T if not is_flat(column)]
    if kind == "spearman":
        x, y, columns = ranks(x), ranks(y), [ranks(column) for column in columns]
    basis = _basis(columns, n)
    df = n - 2 - basis.shape[1]
    left_x, left_y = _left(x, basis), _left(y, basis)
    if df < 1 or left_x is None or left_y is None:
        return unknown
    value = pearson(left_x, left_y)
    low, high = _fisher_interval(value, df - 1, kind, level)
    return Association(kind, n, value, p_of_correlation(value, df), low, high)


def _complete(
    x: NDArray[np.floating], y: NDArray[np.floating], given: NDArray[np.floating]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    x, y = checked_pair(x, y)
    others = np.asarray(given, np.float64)
    if others.ndim != 2 or len(others) != len(x):
        raise InputError(
            f"given has shape {others.shape} beside {len(x)} models; expected ({len(x)}, k), one "
            "column for each measure to hold fixed (given[:, None] for a single one)"
        )
    if np.isinf(others).any():
        row, column = np.argwhere(np.isinf(others))[0]
        raise InputError(
            f"given holds {others[row, column]} for model {row}; expected finite numbers, or nan "
            "for models to leave out (the logarithm of 0 is infinite)"
        )
    known = ~(np.isnan(x) | np.isnan(y) | np.isnan(others).any(axis=1))
    return x[known], y[known], others[known]


def _standardised(x: FloatArray) -> FloatArray:
    x = x / np.abs(x).max()
    return np.asarray((x - x.mean()) / x.std())


def _basis(columns: list[FloatArray], n: int) -> FloatArray:
    """Orthonormal columns, (n, rank), that span the columns given less their means."""
    if not columns:
        return np.empty((n, 0))
    u, size, _ = np.linalg.svd(
        np.stack([_standardised(column) for column in columns], axis=1), full_matrices=False
    )
    return u[:, size > SPENT * size[0]]


def _left(x: FloatArray, basis: FloatArray) -> FloatArray | None:
    """Values less what the basis explains; None if what is left is rounding."""
    z = _standardised(x)
    left = z - basis @ (basis.T @ z)
    return left if left.std() > SPENT else None


def _fisher_interval(
    value: float, precision: int, kind: CorrelationKind, level: float
) -> tuple[float, float]:
    """Interval of a correlation whose z has about the variance 1 / precision; nan if below 1."""
    if precision < 1:
        return np.nan, np.nan
    excess = value**2 / 2 if kind == "spearman" else 0.0
    reach = float(scipy.stats.norm.ppf((1 + level) / 2)) * np.sqrt((1 + excess) / precision)
    z = float(fisher_z(value))
    return float(np.tanh(z - reach)), float(np.tanh(z + reach))
