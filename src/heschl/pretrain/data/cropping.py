"""A crop of a sound file at the rate of the model: only that part of the file is read."""

from __future__ import annotations

from math import gcd
from pathlib import Path

import numpy as np

from heschl import audio
from heschl.audio import FloatArray
from heschl.errors import AudioError
from heschl.pretrain.data.drawing import Crop

#: What the resampler looks at on each side, in samples of the lower rate: with so many, a part
#: equals the same place of the whole to 2e-5 (the rounding of float32 for the usual rates).
CONTEXT = 256


def read_crop(
    path: str | Path, crop: Crop, *, crop_seconds: float, sample_rate: int
) -> tuple[FloatArray, int]:
    """Read a crop: mono, resampled, padded with zeros at the end where the file is shorter.

    Parameters
    ----------
    path : str or Path
        The file of the crop.
    crop : Crop
    crop_seconds : float
        Duration of the waveform.
    sample_rate : int
        Of the waveform, in Hz.

    Returns
    -------
    waveform : ndarray of float32, shape (n_samples,)
        ``round(crop_seconds * sample_rate)`` samples: what the whole file has there once it is
        resampled.
    n_samples : int
        How many of them are sound.

    Raises
    ------
    AudioError
        If the file is damaged there, or has changed since it was looked at.
    """
    wanted = round(crop_seconds * sample_rate)
    context = _context(crop.sample_rate, sample_rate)
    before = min(context, crop.start)
    samples, rate = audio.read_part(path, crop.start - before, before + crop.n_samples + context)
    there = len(samples) - before
    if rate != crop.sample_rate or there < crop.n_samples:
        raise AudioError(
            f"{path}: has {crop.start + there} samples at {rate} Hz; expected at least "
            f"{crop.start + crop.n_samples} at {crop.sample_rate} Hz, as when training began; put "
            "the file back that was there, or begin a new run"
        )
    # So that the first sample of the crop lies on an output sample; at the start of a file only,
    # elsewhere the context is a whole number of steps.
    silence = -before % _step(rate, sample_rate)
    block = np.pad(samples, (silence, 0))
    first = (silence + before) * sample_rate // rate
    n_samples = min(wanted, audio.resampled_length(there, rate, sample_rate))
    waveform = audio.resample(block, rate, sample_rate)[first : first + n_samples]
    return audio.fit_length(waveform, wanted), n_samples


def _context(from_rate: int, to_rate: int) -> int:
    """Return how many samples are read before and after a crop: a whole number of steps."""
    if from_rate == to_rate:
        return 0
    step = _step(from_rate, to_rate)
    needed = -(-CONTEXT * from_rate // min(from_rate, to_rate))
    return -(-needed // step) * step


def _step(from_rate: int, to_rate: int) -> int:
    """Return the smallest number of samples that are as long as a number of output samples."""
    return from_rate // gcd(from_rate, to_rate)
