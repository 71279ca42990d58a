"""Medians over each listener's voxels, and their mean over listeners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heschl.averages import mean_and_stderr
from heschl.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class OverListeners:
    """One value per listener, and their mean.

    Attributes
    ----------
    listeners : tuple of str
        In order of first appearance.
    values : ndarray, shape (n_listeners,)
        Median over each listener's voxels; nan for a listener without any.
    mean : float
    stderr : float
        ``sd / sqrt(n - 1)`` with the standard deviation of the listeners at hand (ddof 0); nan for
        a single listener.
    """

    listeners: tuple[str, ...]
    values: FloatArray
    mean: float
    stderr: float


def over_listeners(values: FloatArray, listeners: NDArray[np.str_]) -> OverListeners:
    """Median over each listener's voxels, then mean over listeners (Pepino et al. 2025).

    Parameters
    ----------
    values : ndarray, shape (n_targets,)
        nan for voxels left out.
    listeners : ndarray of str, shape (n_targets,)

    Raises
    ------
    InputError
        If there is not one listener for each value.
    """
    names = tuple(dict.fromkeys(str(name) for name in listeners))
    medians = median_over_groups(values, listeners)
    mean, stderr = mean_and_stderr(medians)
    return OverListeners(names, medians, float(mean), float(stderr))


def median_over_groups(values: NDArray[np.floating], groups: NDArray[np.generic]) -> FloatArray:
    """Median over the targets of each group.

    Parameters
    ----------
    values : ndarray, shape (..., n_targets)
        nan for targets left out.
    groups : ndarray, shape (n_targets,)
        What each target belongs to, such as its listener.

    Returns
    -------
    ndarray, shape (..., n_groups)
        Groups in order of first appearance; nan for one without any value.

    Raises
    ------
    InputError
        If there is not one group for each target.

    Examples
    --------
    >>> median_over_groups(np.array([[1.0, 9.0, 3.0], [np.nan, 2.0, 8.0]]), np.array(list("aba")))
    array([[2., 9.],
           [8., 2.]])
    """
    x: FloatArray = np.asarray(values, np.float64)
    members = group_members(groups, x.shape[-1] if x.ndim else 0)
    out = np.empty((*x.shape[:-1], len(members)))
    for i, mine in enumerate(members):
        out[..., i] = median_in_place(x[..., mine])  # of a copy
    return out


def group_members(groups: NDArray[np.generic], n_targets: int) -> list[NDArray[np.intp]]:
    """Targets of each group, groups in order of first appearance.

    Raises
    ------
    InputError
        If there is not one group for each target.
    """
    groups = np.asarray(groups)
    if groups.shape != (n_targets,):
        raise InputError(
            f"groups have shape {groups.shape} beside {n_targets} targets; expected one group, "
            "such as a listener, for each target"
        )
    if not n_targets:
        return []
    _, first, label = np.unique(groups, return_index=True, return_inverse=True)
    last = np.cumsum(np.bincount(label))[:-1]
    by_group = np.split(np.argsort(label, kind="stable"), last)
    return [by_group[k] for k in np.argsort(first)]


def median_in_place(values: FloatArray) -> FloatArray:
    """Median over the last axis, which is not empty and is reordered; nan is left out."""
    n = values.shape[-1]
    missing = np.isnan(values)
    if not missing.any():
        values.partition(sorted({(n - 1) // 2, n // 2}), axis=-1)
        return np.asarray((values[..., (n - 1) // 2] + values[..., n // 2]) / 2)
    values.sort(axis=-1)  # nan last
    n_known = n - missing.sum(axis=-1, keepdims=True)
    lower = np.take_along_axis(values, np.maximum(n_known - 1, 0) // 2, axis=-1)
    upper = np.take_along_axis(values, np.minimum(n_known // 2, n - 1), axis=-1)
    return np.asarray((lower + upper)[..., 0] / 2)
