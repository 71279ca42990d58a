"""Pearson's correlation of many targets in bootstrap resamples of the sounds.

A sound drawn c times has the weight c, and a weighted correlation needs five sums over sounds: of
the predictions p, the responses z, p * p, z * z and p * z. For all resamples and targets they are
five matrix products with the counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError, UsageError
from heschl.stats.listeners import group_members, median_in_place
from heschl.stats.resampling import drawn_counts
from heschl.threads import run_threads

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Columns that vary by less than this share of their size are constant up to rounding.
FLAT = 1e-14
#: Where a resample's variance is less than this share of its mean square, the difference of the two
#: sums has lost digits: it is computed again, the mean removed first.
CANCELLED = 1e-2
#: Resamples that a thread computes at a time; what they need fits its cache.
SAMPLES = 128
#: Pairs of a resample and a target that are computed again at a time.
REPEATED = 4096


@dataclass(frozen=True)
class BootstrapR2:
    """What `bootstrap_r2` returns.

    Attributes
    ----------
    r : ndarray, shape (n_samples, n_targets)
        Pearson's r; 0 where undefined, nan for targets left out.
    """

    r: FloatArray = field(repr=False)

    @property
    def r2(self) -> FloatArray:
        """Squared r, where negative ones count as 0."""
        return r2_of(self.r)


def r2_of(r: NDArray[np.floating]) -> FloatArray:
    """Squared correlation, where negative ones count as 0."""
    return np.maximum(np.asarray(r, np.float64), 0) ** 2


def bootstrap_r2(
    predicted: NDArray[np.floating],
    measured: NDArray[np.floating],
    counts: NDArray[np.integer],
    *,
    block_size: int = 512,
    n_jobs: int | None = None,
) -> BootstrapR2:
    """Correlate predictions with responses in bootstrap resamples of the sounds.

    The predictions stay as they are: nothing is fitted again, since a sound that is drawn twice
    would stand in the training and in the test set. The samples thus tell how r2 of these
    predictions varies with the sounds it is tested on, not with those it was trained on.

    Parameters
    ----------
    predicted, measured : ndarray, shape (n_sounds, n_targets)
        Targets with nan in either are left out.
    counts : ndarray of int, shape (n_samples, n_sounds)
        How often each sound was drawn, from `resamples`.
    block_size : int, optional
        Targets that a thread computes at a time; the numbers do not depend on it beyond rounding.
    n_jobs : int, optional
        Threads; by default every core this process may use. Never changes the numbers.

    Returns
    -------
    BootstrapR2
        8 bytes for each resample and target; `bootstrap_listeners` needs less.

    Raises
    ------
    InputError
        If shapes disagree, values are infinite, or counts are not whole numbers from 0 on.
    """
    p, z, weights = _checked(predicted, measured, counts, block_size)
    known = np.flatnonzero(_complete(p, z))
    out = np.full((len(weights), p.shape[1]), np.nan)

    def work(start: int) -> None:
        columns = known[start : start + block_size]
        sums = _Sums(p[:, columns], z[:, columns])
        for i in range(0, len(weights), SAMPLES):
            out[i : i + SAMPLES, columns] = sums.correlation(weights[i : i + SAMPLES])

    for _ in run_threads(work, range(0, len(known), block_size), n_jobs=n_jobs):
        pass
    return BootstrapR2(out)


def bootstrap_listeners(
    predicted: NDArray[np.floating],
    measured: NDArray[np.floating],
    listeners: NDArray[np.generic],
    counts: NDArray[np.integer],
    *,
    block_size: int = 64,
    n_jobs: int | None = None,
) -> FloatArray:
    """Median r2 over each listener's voxels in bootstrap resamples of the sounds.

    As `bootstrap_r2`, one listener and a block of resamples at a time: what is kept is one number
    for each resample and listener.

    Parameters
    ----------
    predicted, measured : ndarray, shape (n_sounds, n_targets)
        Targets with nan in either are left out.
    listeners : ndarray, shape (n_targets,)
        Whose voxel each target is.
    counts : ndarray of int, shape (n_samples, n_sounds)
    block_size : int, optional
        Resamples that a thread computes at a time.
    n_jobs : int, optional
        Threads; never changes the numbers.

    Returns
    -------
    ndarray, shape (n_samples, n_listeners)
        Listeners in order of first appearance; nan for one without any complete voxel.

    Raises
    ------
    InputError
        As `bootstrap_r2`, or if there is not one listener for each target.
    """
    p, z, weights = _checked(predicted, measured, counts, block_size)
    members = group_members(listeners, p.shape[1])
    known = _complete(p, z)
    out = np.full((len(weights), len(members)), np.nan)
    for i, all_mine in enumerate(members):
        mine = all_mine[known[all_mine]]
        if not mine.size:
            continue
        sums = _Sums(p[:, mine], z[:, mine])

        def work(start: int, i: int = i, sums: _Sums = sums) -> None:
            r2 = r2_of(sums.correlation(weights[start : start + block_size]))
            out[start : start + block_size, i] = median_in_place(r2)

        for _ in run_threads(work, range(0, len(weights), block_size), n_jobs=n_jobs):
            pass
    return out


def _checked(
    predicted: NDArray[np.floating],
    measured: NDArray[np.floating],
    counts: NDArray[np.integer],
    block_size: int,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    p, z = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
    if p.ndim != 2 or p.shape != z.shape:
        raise InputError(
            f"predictions of shape {p.shape} and responses of shape {z.shape}; expected the same "
            "(n_sounds, n_targets)"
        )
    if np.isinf(p).any() or np.isinf(z).any():
        raise InputError(
            "predictions or responses hold infinite values; use nan for targets to leave out"
        )
    if block_size < 1:
        raise UsageError(f"block_size is {block_size}; expected a whole number of at least 1")
    return p, z, drawn_counts(counts, len(p), "sounds").astype(np.float64)


def _complete(p: FloatArray, z: FloatArray) -> NDArray[np.bool_]:
    """Targets without nan."""
    return np.asarray(~(np.isnan(p) | np.isnan(z)).any(axis=0))


class _Sums:
    """Weighted sums of some targets, and the correlations they give.

    Parameters
    ----------
    predicted, measured : ndarray, shape (n_sounds, n_targets)
        Without nan.
    """

    def __init__(self, predicted: FloatArray, measured: FloatArray) -> None:
        spread = np.std(measured, axis=0)
        p, z = _standardised(predicted, spread), _standardised(measured, spread)
        self._terms = (p, z, p * p, z * z, p * z)
        # rows of sounds, for what is computed again: scaled only, as another mean is removed
        self._p = np.where(p.any(axis=0), predicted / _size(predicted), 0.0).T
        self._z = np.where(z.any(axis=0), measured / _size(measured), 0.0).T

    def correlation(self, weights: FloatArray) -> FloatArray:
        """Weighted Pearson's r, (n_samples, n_targets), 0 where undefined."""
        total = weights.sum(axis=1, keepdims=True)
        sum_p, sum_z, sum_pp, sum_zz, sum_pz = (weights @ term for term in self._terms)
        varying_p = sum_pp - sum_p * sum_p / total
        varying_z = sum_zz - sum_z * sum_z / total
        lost = (varying_p < CANCELLED * sum_pp) | (varying_z < CANCELLED * sum_zz)
        sum_pz -= sum_p * sum_z / total
        squared = np.maximum(varying_p, 0) * np.maximum(varying_z, 0)
        r = np.zeros_like(sum_pz)
        np.divide(sum_pz, np.sqrt(squared), out=r, where=squared > 0)
        sample, target = np.nonzero(lost)
        for i in range(0, len(sample), REPEATED):
            s, t = sample[i : i + REPEATED], target[i : i + REPEATED]
            r[s, t] = _mean_first(self._p[t], self._z[t], weights[s])
        return r


def _standardised(x: FloatArray, spread: FloatArray) -> FloatArray:
    """Zero mean and unit variance; exactly 0 where constant up to rounding.

    That is beside its own size, or beside the spread of the responses it predicts.
    """
    centred = x - x.mean(axis=0)
    sd = np.sqrt(np.mean(centred * centred, axis=0))
    flat = (sd <= FLAT * np.maximum(_size(x), spread)) | (np.ptp(x, axis=0) == 0)
    return np.where(flat, 0.0, centred / np.where(flat, 1.0, sd))


def _size(x: FloatArray) -> FloatArray:
    """Largest size in each column; 1 where all are 0."""
    size = np.abs(x).max(axis=0)
    return np.where(size == 0, 1.0, size)


def _mean_first(p: FloatArray, z: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted correlation of rows, all (n, n_sounds), the resample's mean removed first."""
    p, z = _centred(p, weights), _centred(z, weights)
    weighted = weights * p
    scale = np.sqrt((weighted * p).sum(axis=1) * (weights * z * z).sum(axis=1))
    r = np.zeros(len(p))
    np.divide((weighted * z).sum(axis=1), scale, out=r, where=scale > 0)
    return r


def _centred(x: FloatArray, weights: FloatArray) -> FloatArray:
    """Rows less their weighted mean; exactly 0 where all sounds that were drawn are equal."""
    first = np.take_along_axis(x, np.argmax(weights > 0, axis=1)[:, None], axis=1)
    constant = ((x == first) | (weights == 0)).all(axis=1, keepdims=True)
    mean = (weights * x).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
    return np.where(constant, 0.0, x - mean)
