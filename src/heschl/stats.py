"""Statistics over voxels and listeners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
    values: NDArray[np.float64]
    mean: float
    stderr: float


def over_listeners(values: NDArray[np.float64], listeners: NDArray[np.str_]) -> OverListeners:
    """Median over each listener's voxels, then mean over listeners (Pepino et al. 2025).

    Parameters
    ----------
    values : ndarray, shape (n_targets,)
        nan for voxels left out.
    listeners : ndarray of str, shape (n_targets,)
    """
    names = tuple(dict.fromkeys(str(name) for name in listeners))
    medians = np.full(len(names), np.nan)
    for i, name in enumerate(names):
        mine = values[(listeners == name) & ~np.isnan(values)]
        if mine.size:
            medians[i] = np.median(mine)
    known = medians[~np.isnan(medians)]
    mean = float(known.mean()) if known.size else float("nan")
    stderr = float(known.std() / np.sqrt(known.size - 1)) if known.size > 1 else float("nan")
    return OverListeners(names, medians, mean, stderr)
