"""Sound files and waveforms: read, mix to mono, resample, fit to a length, set the level."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

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
    if path.is_dir():
        raise AudioError(f"{path}: a folder; expected a sound file")
    if not path.is_file():
        raise AudioError(f"{path}: no such sound file")
    try:
        _check_whole(path)
        with soundfile.SoundFile(path) as file:
            expected = file.frames
            samples = file.read(dtype="float32", always_2d=True)
            rate = int(file.samplerate)
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror or error})") from error
    except (RuntimeError, TypeError) as error:  # libsndfile's own, and files without a header
        what = getattr(error, "error_string", error)  # without the path once more
        raise AudioError(f"{path}: not a readable sound file ({what}); is it damaged?") from error
    if len(samples) == 0:
        raise AudioError(f"{path}: holds no samples")
    if len(samples) < expected:
        raise _cut_short(path, f"its header promises {expected} samples, {len(samples)} are there")
    waveform = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
    check_finite(waveform, str(path))
    return np.ascontiguousarray(waveform), rate


def _cut_short(path: Path, how: str) -> AudioError:
    return AudioError(f"{path}: cut short: {how}; copy or download it again")


def _check_whole(path: Path) -> None:
    """Refuse a file that ends too early; libsndfile reads these without a word.

    WAV, RF64 and AIFF say at the start how long they are; the last page of an Ogg file says that it
    is the last (RFC 3533, section 6).
    """
    with path.open("rb") as handle:
        header = handle.read(28)
        if header[:4] == b"OggS":
            handle.seek(0)
            if not _ogg_ends(handle):
                raise _cut_short(path, "the end of its Ogg stream is missing")
            return
    promised, actual = _promised_bytes(header), path.stat().st_size
    if actual < promised:
        raise _cut_short(path, f"its header promises {promised} bytes, {actual} are there")


def _promised_bytes(header: bytes) -> int:
    """Return the length of a file by its first 28 bytes; 0 if they do not tell."""
    kind = header[:4], header[8:12]
    if len(header) < 28:
        return 0
    if kind == (b"RIFF", b"WAVE"):
        size = int.from_bytes(header[4:8], "little")
        unknown = (0, 0xFFFFFFFF)  # written to a pipe
        return 0 if size in unknown else size + 8
    if kind == (b"RF64", b"WAVE") and header[12:16] == b"ds64":  # EBU Tech 3306
        return int.from_bytes(header[20:28], "little") + 8
    if kind in ((b"FORM", b"AIFF"), (b"FORM", b"AIFC")):
        return int.from_bytes(header[4:8], "big") + 8
    return 0


def _ogg_ends(handle: BinaryIO) -> bool:
    """Whether the last page of an Ogg file is whole and marked as the last of its stream."""
    last, end = False, 0
    while (page := handle.read(27))[:4] == b"OggS" and len(page) == 27:
        last = bool(page[5] & 4)
        sizes = handle.read(page[26])  # of the segments that follow
        end = handle.tell() + sum(sizes)
        handle.seek(end)
    return last and end <= handle.seek(0, os.SEEK_END)


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
