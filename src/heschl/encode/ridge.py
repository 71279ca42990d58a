"""Ridge regression of many targets at many penalties from one decomposition.

With X and y demeaned over the training sounds and X = U S V', the predictions for a new sound x are
``(x - mean) V diag(s / (s**2 + alpha)) U' y + mean(y)``. Everything but ``alpha`` and ``y`` is
computed once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """Features of one layer, rotated to as few columns as there are sounds.

    Ridge predictions depend on the features only through the inner products of sounds, so an
    orthogonal rotation (QR) loses nothing; unlike the matrix of inner products, it does not square
    the condition number.

    Attributes
    ----------
    coordinates : ndarray, shape (n_sounds, min(n_sounds, n_features))
    null : float
        Singular values up to this are rounding noise: directions in which no training sound
        differs. Leaving them out gives the minimum-norm solution as alpha vanishes.
    """

    coordinates: FloatArray
    null: float


def rotate(features: NDArray[np.floating]) -> Layer:
    """Prepare the features (n_sounds, n_features) of one layer."""
    x = np.asarray(features, dtype=np.float64)
    n_sounds, n_features = x.shape
    constant = np.ptp(x, axis=0) == 0
    x = x - x.mean(axis=0)
    x[:, constant] = 0.0  # not the rounding error of its mean
    if n_features > n_sounds:
        (triangle,) = scipy.linalg.qr(x.T, mode="r", overwrite_a=True, check_finite=False)
        x = np.ascontiguousarray(triangle[:n_sounds].T)
    largest = np.linalg.norm(x, 2)
    return Layer(x, float(largest) * max(n_sounds, n_features) * np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Fit:
    """A decomposition of training sounds, and held-out sounds in its coordinates.

    Attributes
    ----------
    train, held_out : ndarray of int
        Rows of the sounds.
    left : ndarray, shape (n_train, rank)
        Left singular vectors of the demeaned training features.
    singular : ndarray, shape (rank,)
    projected : ndarray, shape (n_held_out, rank)
        Held-out features, the training mean removed, on the right singular vectors.
    """

    train: NDArray[np.intp]
    held_out: NDArray[np.intp]
    left: FloatArray
    singular: FloatArray
    projected: FloatArray

    def shrink(self, alpha: float | NDArray[np.floating]) -> FloatArray:
        """``s / (s**2 + alpha)``, shape (rank,), or (..., rank) for alphas of shape (..., 1)."""
        s = self.singular
        return np.asarray(s / (s * s + alpha))

    def operator(self, alpha: float) -> FloatArray:
        """Matrix (n_held_out, n_train) from training responses to predictions, means included."""
        weights = (self.projected * self.shrink(alpha)) @ self.left.T
        # U is orthogonal to the ones vector, so demeaning y changes nothing; its mean is added
        return np.asarray(weights + 1 / len(self.train))


def fit(layer: Layer, train: NDArray[np.intp], held_out: NDArray[np.intp]) -> Fit:
    """Decompose the training sounds of one layer."""
    x = layer.coordinates[train]
    mean = x.mean(axis=0)
    # numpy's, not scipy's: it lets other threads work meanwhile
    left, singular, right = np.linalg.svd(x - mean, full_matrices=False)
    rank = int(np.count_nonzero(singular > layer.null))
    return Fit(
        train=train,
        held_out=held_out,
        left=left[:, :rank],
        singular=singular[:rank],
        projected=(layer.coordinates[held_out] - mean) @ right[:rank].T,
    )
