"""One number for how good a model is at all tasks, beside the other models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.stats.correlations import FLAT

FloatArray = NDArray[np.float64]


def task_zscores(scores: NDArray[np.floating]) -> FloatArray:
    """Each task's scores less their mean over models, in standard deviations (ddof 1).

    Parameters
    ----------
    scores : ndarray, shape (n_models, n_tasks)
        Any units, one for each task; nan where a model has no score.

    Returns
    -------
    ndarray, shape (n_models, n_tasks)
        nan where the score is; a task with fewer than 2 models, or whose scores are all equal (up
        to rounding), is nan in all of them.

    Raises
    ------
    InputError
        If the shape is another or values are infinite.

    Examples
    --------
    >>> task_zscores(np.array([[0.25, 1.0], [0.5, np.nan], [1.0, 3.0]])).round(2)
    array([[-0.87, -0.71],
           [-0.22,   nan],
           [ 1.09,  0.71]])
    """
    s = np.asarray(scores, np.float64)
    if s.ndim != 2:
        raise InputError(f"scores of shape {s.shape}; expected (n_models, n_tasks)")
    if np.isinf(s).any():
        model, task = np.argwhere(np.isinf(s))[0]
        raise InputError(
            f"the score of model {model} in task {task} is {s[model, task]}; expected finite "
            "numbers, or nan where there is none"
        )
    known = ~np.isnan(s)
    n = known.sum(axis=0)
    mean = np.where(known, s, 0.0).sum(axis=0) / np.maximum(n, 1)
    off = np.where(known, s - mean, 0.0)
    spread = np.sqrt((off**2).sum(axis=0) / np.maximum(n - 1, 1))
    size = np.abs(np.where(known, s, 0.0)).max(axis=0, initial=0.0)
    out = np.full(s.shape, np.nan)
    np.divide(off, spread, out=out, where=known & (spread > FLAT * size))
    return out


def overall(scores: NDArray[np.floating]) -> FloatArray:
    """Mean z-score over the tasks (Pepino et al. 2025, arXiv:2511.16849).

    Parameters
    ----------
    scores : ndarray, shape (n_models, n_tasks)
        As `task_zscores`. A z-score is relative to the models in the table: another set of models
        gives other numbers.

    Returns
    -------
    ndarray, shape (n_models,)
        In standard deviations, over the tasks that each model has; nan without any. A model that
        lacks a task is neither punished nor compared with those that have it: whether so few tasks
        are enough is for the caller to say.

    Raises
    ------
    InputError
        As `task_zscores`.

    Examples
    --------
    >>> overall(np.array([[0.25, 1.0], [0.5, np.nan], [1.0, 3.0]])).round(2)
    array([-0.79, -0.22,  0.9 ])
    """
    z = task_zscores(scores)
    known = ~np.isnan(z)
    n = known.sum(axis=1)
    out = np.full(len(z), np.nan)
    np.divide(np.where(known, z, 0.0).sum(axis=1), n, out=out, where=n > 0)
    return out
