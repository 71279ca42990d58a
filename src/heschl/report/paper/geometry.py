"""Boxes (left, bottom, right, top) and segments in a plane: what touches what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def boxes(centers: FloatArray, sizes: FloatArray) -> FloatArray:
    """Return the boxes (n, 4) of centres and sizes (n, 2)."""
    return np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=-1)


def nearest_in(box: FloatArray, point: FloatArray) -> FloatArray:
    """Return the places in boxes (n, 4) that are nearest to points (n, 2), or to one (2,)."""
    return np.clip(point, box[..., :2], box[..., 2:])


def overlap(first: FloatArray, second: FloatArray, *, pad: float = 0.0) -> FloatArray:
    """Area that boxes (n, 4) and (m, 4) share, (n, m), with a strip around each."""
    low = np.maximum(first[:, None, :2], second[None, :, :2]) - pad
    high = np.minimum(first[:, None, 2:], second[None, :, 2:]) + pad
    return np.asarray(np.maximum(high - low, 0).prod(axis=-1))


def runs_through(start: FloatArray, end: FloatArray, box: FloatArray) -> NDArray[np.bool_]:
    """Whether segments (n, 2) run through boxes (m, 4), (n, m).

    A segment is inside from where it has entered both strips, across and along, to where it leaves
    the first of them.
    """
    way = end - start
    way = np.where(np.abs(way) < 1e-9, 1e-9, way)[:, None]
    first = (box[None, :, :2] - start[:, None]) / way
    second = (box[None, :, 2:] - start[:, None]) / way
    enters = np.minimum(first, second).max(axis=-1)
    leaves = np.maximum(first, second).min(axis=-1)
    return np.asarray((enters < leaves) & (enters < 1) & (leaves > 0))


def distance(points: FloatArray, start: FloatArray, ends: FloatArray) -> FloatArray:
    """Distance of points (m, 2) from the segments from one start (2,) to ends (n, 2), (n, m)."""
    along = ends - start
    length = np.maximum((along**2).sum(axis=1), 1e-12)[:, None]
    share = np.clip((along @ (points - start).T) / length, 0, 1)
    nearest = start + share[..., None] * along[:, None]
    return np.asarray(np.linalg.norm(points[None] - nearest, axis=-1))


def cross(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> NDArray[np.bool_]:
    """Whether segments from a to b (n, 2) cross those from c to d (m, 2), (n, m)."""
    a, b, c, d = a[:, None], b[:, None], c[None], d[None]
    apart = _side(a, b, c) * _side(a, b, d) < 0
    return np.asarray(apart & (_side(c, d, a) * _side(c, d, b) < 0))


def _side(start: FloatArray, end: FloatArray, point: FloatArray) -> FloatArray:
    """Return above 0 left of a line, below 0 right of it."""
    way, to = end - start, point - start
    return np.asarray(way[..., 0] * to[..., 1] - way[..., 1] * to[..., 0])
