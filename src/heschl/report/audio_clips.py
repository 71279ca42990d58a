"""Sounds for the players of the page: short MP3 files as base64 text."""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from heschl import audio, progress
from heschl.sounds import Sounds

#: Sample rates of MP3 that are used, in Hz, best first.
RATES = (32000, 24000, 22050, 16000, 12000, 11025, 8000)
#: A sound that needs more than this at a rate (noise does) is encoded at the next one, in bit/s.
#: 165 clips of 2 s then stay below 5.3 MB; most need half of that.
MAX_BITS_PER_SECOND = 96_000


def encode_clips(sounds: Sounds) -> dict[str, str]:
    """Encode every sound as it is heard in a run: mono, cut or padded to its duration.

    Returns
    -------
    dict of str to str
        Base64 of an MP3 file for the name of each sound.

    Raises
    ------
    AudioError
        If a sound cannot be read.
    """
    clips = {}
    with progress.bar("sounds for the report", len(sounds), "sounds") as advance:
        for clip in sounds:
            waveform, rate = clip.read()
            duration = len(waveform) / rate if sounds.duration is None else sounds.duration
            encoded = encode_clip(waveform, rate, duration)
            clips[clip.name] = base64.b64encode(encoded).decode("ascii")
            advance()
    return clips


def encode_clip(waveform: NDArray[np.float32], rate: int, duration: float) -> bytes:
    """Encode a waveform as MP3 at the best rate that is not above its own and keeps it small.

    Parameters
    ----------
    waveform : ndarray of float32, shape (n_samples,)
    rate : int
        In Hz.
    duration : float
        In seconds; longer waveforms are cut, shorter ones padded with silence.
    """
    encoded = b""
    for to_rate in [known for known in RATES if known <= rate] or [RATES[-1]]:
        fitted = audio.resample(waveform, rate, to_rate)
        encoded = encode_mp3(audio.fit_length(fitted, round(duration * to_rate)), to_rate)
        if len(encoded) * 8 <= MAX_BITS_PER_SECOND * max(duration, 1.0):
            break
    return encoded


def encode_mp3(waveform: NDArray[np.float32], rate: int) -> bytes:
    """Encode a mono waveform, (n_samples,), as MP3.

    The level stays as it is, so that sounds can be compared; only one that exceeds full scale is
    made softer, to be heard without clipping.
    """
    peak = float(np.abs(waveform).max(initial=0.0))
    file = io.BytesIO()
    soundfile.write(file, waveform / max(peak, 1.0), rate, format="MP3", subtype="MPEG_LAYER_III")
    return file.getvalue()
