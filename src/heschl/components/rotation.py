"""The rotation of whitened weights that makes them least Gaussian."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from heschl.components.negentropy import bins_to_reach, negentropy_within

FloatArray = NDArray[np.float64]

#: Half range and step of the angles tried, in degrees, from coarse to fine. Turning two components
#: by 90 degrees only swaps them, so 45 to either side is everything.
GRIDS = ((45.0, 5.0), (5.0, 0.5), (0.5, 0.05))
#: Gain in nats that a rotation has to bring.
GAIN = 1e-7


def random_rotation(n: int, rng: np.random.Generator) -> FloatArray:
    """Draw an orthogonal matrix (n, n), all equally likely."""
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return np.asarray(q * np.sign(np.diag(r)))


def least_gaussian(white: FloatArray, start: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Search, from ``start``, the rotation with the largest summed negentropy.

    Two components at a time are turned by the best of a grid of angles, until no pair gains; then
    again with finer angles. This ends in a local optimum.

    Parameters
    ----------
    white : ndarray, shape (n_components, n_voxels)
        Rows of mean 0, variance 1 and no correlation.
    start : ndarray, shape (n_components, n_components)
        Orthogonal.

    Returns
    -------
    rotation : ndarray, shape (n_components, n_components)
        Orthogonal; ``rotation @ white`` are the weights.
    negentropy : ndarray, shape (n_components,)
        In nats.
    """
    rotation = start.copy()
    # no rotation moves a weight farther from 0 than the voxel's weights together are
    reach = bins_to_reach(float(np.linalg.norm(white, axis=0).max()))
    for half_range, step in GRIDS:
        n_steps = round(half_range / step)
        angles = np.deg2rad(step * np.arange(-n_steps, n_steps + 1))
        _until_no_pair_gains(rotation, white, angles, reach)
    return rotation, negentropy_within(rotation @ white, reach)


def _until_no_pair_gains(
    rotation: FloatArray, white: FloatArray, angles: FloatArray, reach: int
) -> None:
    """Turn the rows of ``rotation``, in place."""
    pairs = list(itertools.combinations(range(len(rotation)), 2))
    waiting = set(pairs)
    weights = rotation @ white
    while waiting:
        for pair in pairs:
            if pair not in waiting:
                continue
            waiting.remove(pair)
            angle = _best_angle(weights[pair[0]], weights[pair[1]], angles, reach)
            if angle == 0:
                continue
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            rows = list(pair)
            rotation[rows] = turn @ rotation[rows]
            weights[rows] = turn @ weights[rows]
            waiting |= {other for other in pairs if set(other) & set(pair)} - {pair}


def _best_angle(first: FloatArray, second: FloatArray, angles: FloatArray, reach: int) -> float:
    """Angle with the largest negentropy of both; 0 unless another one gains."""
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    value = negentropy_within(cos * first - sin * second, reach)
    value += negentropy_within(sin * first + cos * second, reach)
    best = int(np.argmax(value))
    if value[best] <= value[len(angles) // 2] + GAIN:  # the middle one is 0
        return 0.0
    return float(angles[best])
