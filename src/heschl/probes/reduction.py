"""Layers of unequal widths brought to one: principal components of each, fitted on the training.

As scikit-learn's PCA: centred, not whitened. Components whose variance is rounding noise, such as
the last one of as many components as clips, are set to 0: nothing was learned about them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg import blas

from heschl.errors import InputError

FloatArray = NDArray[np.float64]
Chunks = Iterable[NDArray[np.float32]]

#: Variance below this share of the largest one is rounding noise of float32 embeddings.
NOISE = 1e-10


@dataclass(frozen=True)
class Components:
    """Principal components of one layer.

    Attributes
    ----------
    mean : ndarray, shape (n_features,)
    axes : ndarray, shape (n_components, n_features)
        Orthonormal rows in order of variance, each with its largest entry above 0; or zeros.
    """

    mean: FloatArray = field(repr=False)
    axes: FloatArray = field(repr=False)

    def transform(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """Project rows (n_rows, n_features) to (n_rows, n_components)."""
        return np.asarray((features - self.mean) @ self.axes.T, np.float32)


def n_components(n_train: int, widths: Iterable[int]) -> int:
    """Return the common width: the number of training clips or the smallest layer."""
    return min(n_train, *widths)


def fit_components(chunks: Chunks, n_train: int, width: int, n_kept: int) -> Components:
    """Fit the principal components of one layer.

    Parameters
    ----------
    chunks : iterable of ndarray, shape (n_rows, n_features)
        The training clips, a few at a time; read once.
    n_train, width : int
        Their number, and n_features.
    n_kept : int
        Components, at most the smaller of the two.

    Returns
    -------
    Components

    Raises
    ------
    InputError
        If there are too many components, or other numbers of rows than said.
    """
    if not 0 < n_kept <= min(n_train, width):
        raise InputError(
            f"{n_kept} components of {n_train} clips with {width} features; expected at most "
            f"{min(n_train, width)}"
        )
    if n_train <= width:
        return _from_clips(_joined(chunks, n_train), n_kept)
    total, products, count = np.zeros(width), np.zeros((width, width), order="F"), 0
    pivot = np.zeros(width)
    for chunk in chunks:
        x = np.asarray(chunk, np.float64)
        if not count:
            pivot = x.mean(axis=0)  # products about a point near the mean lose no digits
        x = x - pivot
        total += x.sum(axis=0)
        products = blas.dsyrk(1.0, x.T, 1.0, products, lower=1, overwrite_c=1)
        count += len(x)
    _check_count(count, n_train)
    centre = total / count
    products = blas.dsyr(-count, centre, lower=1, a=products, overwrite_a=1)
    variances, axes = scipy.linalg.eigh(
        products, subset_by_index=(width - n_kept, width - 1), overwrite_a=True
    )
    return Components(pivot + centre, _signed(axes.T[::-1], variances[::-1]))


def _from_clips(x: FloatArray, n_kept: int) -> Components:
    """Fit on no more clips than features, through the products of clips."""
    mean = x.mean(axis=0)
    x = x - mean
    n = len(x)
    variances, mixed = scipy.linalg.eigh(x @ x.T, subset_by_index=(n - n_kept, n - 1))
    variances, mixed = variances[::-1], mixed[:, ::-1]
    scale = np.sqrt(np.where(_real(variances), variances, np.inf))
    return Components(mean, _signed((x.T @ (mixed / scale)).T, variances))


def _signed(axes: FloatArray, variances: FloatArray) -> FloatArray:
    """Make each axis point to where its largest entry is above 0; zeros where there is noise."""
    largest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
    signs = np.where(largest < 0, -1.0, 1.0) * _real(variances)
    return np.ascontiguousarray(axes * signs[:, None])


def _real(variances: FloatArray) -> NDArray[np.bool_]:
    return variances > NOISE * max(float(variances[0]), np.finfo(np.float64).tiny)


def _joined(chunks: Chunks, n_train: int) -> FloatArray:
    x = np.concatenate([np.asarray(chunk, np.float64) for chunk in chunks])
    _check_count(len(x), n_train)
    return x


def _check_count(found: int, expected: int) -> None:
    if found != expected:
        raise InputError(f"{found} training clips came; expected {expected}")
