"""Sound files and waveforms: read, mix to mono, resample, fit to a length, set the level."""

from __future__ import annotations

from heschl.audio.files import SUFFIXES, AudioFacts, look, read, read_part
from heschl.audio.waveforms import (
    FloatArray,
    check_finite,
    fit_length,
    resample,
    resampled_length,
    set_level,
    set_peak,
)

__all__ = [
    "SUFFIXES",
    "AudioFacts",
    "FloatArray",
    "check_finite",
    "fit_length",
    "look",
    "read",
    "read_part",
    "resample",
    "resampled_length",
    "set_level",
    "set_peak",
]
