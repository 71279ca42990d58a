"""Waveforms: finite, resampled, of a length, at a level."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from heschl.errors import AudioError

FloatArray = NDArray[np.float32]


def check_finite(waveform: NDArray[np.floating], name: str) -> None:
    """Raise AudioError if a waveform holds nan or infinity."""
    bad = np.flatnonzero(~np.isfinite(waveform))
    if bad.size:
        raise AudioError(
            f"{name}: {bad.size} samples are nan or infinite, the first at index {bad[0]}; "
            "a waveform has finite values only"
        )


def resample(waveform: FloatArray, from_rate: int, to_rate: int) -> FloatArray:
    """Resample a waveform (n_samples,) with soxr at high quality (the default of librosa)."""
    if from_rate == to_rate:
        return waveform
    return soxr.resample(waveform, from_rate, to_rate, quality="HQ")


def resampled_length(n_samples: int, from_rate: int, to_rate: int) -> int:
    """Return how many samples a waveform has once it is resampled: as soxr rounds, halves up."""
    return max(1, (2 * n_samples * to_rate + from_rate) // (2 * from_rate))


def fit_length(waveform: FloatArray, n_samples: int) -> FloatArray:
    """Cut at the end, or pad with zeros at the end, to exactly ``n_samples``."""
    if len(waveform) >= n_samples:
        return waveform[:n_samples]
    return np.pad(waveform, (0, n_samples - len(waveform)))


def set_level(waveforms: FloatArray, rms: float) -> FloatArray:
    """Remove each waveform's mean and scale it to a root mean square.

    Parameters
    ----------
    waveforms : ndarray of float32, shape (..., n_samples)
    rms : float
        Root mean square afterwards, full scale being 1.

    Returns
    -------
    ndarray of float32, same shape
        Values may exceed 1. A silent waveform (all samples equal) becomes zeros.
    """
    x = waveforms.astype(np.float64)
    x -= x.mean(axis=-1, keepdims=True)
    level = np.sqrt(np.mean(x * x, axis=-1, keepdims=True))
    silent = np.ptp(waveforms, axis=-1, keepdims=True) == 0
    scaled = np.where(silent, 0.0, x * (rms / np.where(silent, 1.0, level)))
    return scaled.astype(np.float32)


def set_peak(waveforms: FloatArray, peak: float) -> FloatArray:
    """Scale each waveform so that its largest magnitude is a given one.

    Parameters
    ----------
    waveforms : ndarray of float32, shape (..., n_samples)
    peak : float
        Afterwards, full scale being 1.

    Returns
    -------
    ndarray of float32, same shape
        Zeros stay zeros.
    """
    largest = np.abs(waveforms).max(axis=-1, keepdims=True)
    scaled = waveforms / np.where(largest > 0, largest, np.float32(1)) * np.float32(peak)
    return scaled.astype(np.float32)
