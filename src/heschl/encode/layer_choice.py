"""The best layer of each listener, chosen on some splits of the sounds and scored on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl.averages import mean_and_stderr
from heschl.errors import InputError, UsageError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LayerChoice:
    """What `choose_layer` returns.

    Attributes
    ----------
    listeners : tuple of str
        In order of first appearance.
    values : ndarray, shape (n_listeners,)
        Median over voxels on the splits that did not choose, mean over iterations; nan for a
        listener without any.
    layer_index : ndarray of int, shape (n_listeners, n_iterations)
        -1 for a listener without any.
    mean, stderr : float
        Over listeners; ``sd / sqrt(n - 1)`` with ddof 0, nan for a single listener.
    """

    listeners: tuple[str, ...]
    values: FloatArray
    layer_index: NDArray[np.intp] = field(repr=False)
    mean: float
    stderr: float


def choose_layer(
    scores: FloatArray,
    listeners: Sequence[str] | NDArray[np.str_],
    *,
    n_iterations: int = 10,
    seed: int = 0,
) -> LayerChoice:
    """Choose each listener's layer on half of the splits and score it on the other half.

    Source: Tuckute et al. (2023), PLoS Biol 21(12): the best layer on five random splits, scored on
    the other five, ten times.

    Parameters
    ----------
    scores : ndarray, shape (n_layers, n_splits, n_targets)
        nan for targets left out.
    listeners : sequence of str, shape (n_targets,)
    n_iterations, seed : int, optional
        The halves are the same for all listeners.

    Returns
    -------
    LayerChoice

    Raises
    ------
    InputError
        If shapes disagree, there is a single split, or scores are infinite.
    UsageError
        If there is no iteration.
    """
    scores, labels = np.asarray(scores, np.float64), np.array([str(name) for name in listeners])
    n_splits, n_targets = scores.shape[1:] if scores.ndim == 3 else (0, 0)
    if labels.shape != (n_targets,) or n_splits < 2:
        raise InputError(
            f"scores of shape {scores.shape} and {labels.size} listeners; expected (n_layers, "
            "n_splits, n_targets) with at least two splits, and one listener for each target"
        )
    if n_iterations < 1:
        raise UsageError(f"n_iterations is {n_iterations}; expected at least 1")
    names = tuple(dict.fromkeys(labels.tolist()))
    rng = np.random.default_rng(seed)
    halves = [np.sort(rng.permutation(n_splits)[: n_splits // 2]) for _ in range(n_iterations)]
    values = np.full(len(names), np.nan)
    chosen = np.full((len(names), n_iterations), -1)
    for i, name in enumerate(names):
        mine = scores[:, :, (labels == name) & ~np.isnan(scores).any(axis=(0, 1))]
        if not mine.size:
            continue
        found = []
        for k, half in enumerate(halves):
            rest = np.setdiff1d(np.arange(n_splits), half)
            best = _over_voxels(mine[:, half]).argmax()
            chosen[i, k] = best
            found.append(_over_voxels(mine[[best]][:, rest])[0])
        values[i] = np.mean(found)
    mean, stderr = mean_and_stderr(values)
    return LayerChoice(names, values, chosen, float(mean), float(stderr))


def _over_voxels(scores: FloatArray) -> FloatArray:
    """Median over splits of each voxel, median over voxels: (n_layers,)."""
    return np.asarray(np.median(np.median(scores, axis=1), axis=1))
