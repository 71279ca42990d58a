"""Sound files and waveforms: read, mix to mono, resample, fit to a length, set the level."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from heschl.errors import AudioError

FloatArray = NDArray[np.float32]

#: Suffixes of the files that are taken for sounds when a folder is searched.
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif")


def read(path: str | Path) -> tuple[FloatArray, int]:
    """Read a sound file as mono.

    Parameters
    ----------
    path : str or Path
        WAV, FLAC, Ogg Vorbis or Opus, MP3 or AIFF.

    Returns
    -------
    waveform : ndarray of float32, shape (n_samples,)
        Full scale is -1 to 1; the channels are averaged.
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioError
        If the file is missing, empty, damaged, cut short, or holds nan or infinity.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"{path}: no such sound file")
    _check_riff_length(path)
    try:
        with soundfile.SoundFile(path) as file:
            expected = file.frames
            samples = file.read(dtype="float32", always_2d=True)
            rate = int(file.samplerate)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path}: not a readable sound file ({error}); is it damaged?") from error
    if len(samples) == 0:
        raise AudioError(f"{path}: holds no samples")
    if len(samples) < expected:
        raise AudioError(
            f"{path}: cut short: its header promises {expected} samples, {len(samples)} are there; "
            "copy or download it again"
        )
    waveform = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
    check_finite(waveform, str(path))
    return np.ascontiguousarray(waveform), rate


def _check_riff_length(path: Path) -> None:
    """Refuse a WAV file shorter than its header says; libsndfile reads it without a word."""
    with path.open("rb") as handle:
        header = handle.read(12)
    if len(header) < 12 or header[:4] != b"RIFF" or header[8:12] != b"WAVE":
        return
    (declared,) = struct.unpack("<I", header[4:8])
    if declared in (0, 0xFFFFFFFF):  # written to a pipe: the length was not known
        return
    actual = path.stat().st_size
    if actual < declared + 8:
        raise AudioError(
            f"{path}: cut short: its header promises {declared + 8} bytes, {actual} are there; "
            "copy or download it again"
        )


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
