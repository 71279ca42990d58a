"""Sounds for the players of the page: short MP3 files as base64 text."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import numpy as np
import soundfile
from numpy.typing import NDArray

from heschl import audio, progress
from heschl.errors import InputError
from heschl.report.selection import sound_column
from heschl.results import Detail, Results
from heschl.sounds import Sounds

#: Sample rates of MP3 that are used, in Hz, best first.
RATES = (32000, 24000, 22050, 16000, 12000, 11025, 8000)
#: A sound that needs more than this at a rate (noise does) is encoded at the next one, in bit/s.
#: 165 clips of 2 s then stay below 5.3 MB; most need half of that.
MAX_BITS_PER_SECOND = 96_000


def check_sounds(results: Results, sounds: Mapping[str, Sounds]) -> None:
    """Refuse sounds, by dataset, that are not those of the results.

    Raises
    ------
    InputError
        If there is no such dataset, or a sound of its details is missing.
    """
    known = list(dict.fromkeys(str(name) for name in results.scores["dataset"]))
    for dataset, some in sounds.items():
        if dataset not in known:
            raise InputError(
                f"sounds were given for {dataset!r}, but the results have no such dataset; "
                f"expected one of: {', '.join(known)}"
            )
        names = set(some.names)
        for detail in results.details:
            if detail.dataset == dataset:
                _check_names(detail, names)


def _check_names(detail: Detail, names: set[str]) -> None:
    missing = [s for s in sound_column(detail, "sound") if s not in names]
    if missing:
        raise InputError(
            f"{detail.dataset}: {len(missing)} sounds of the results are not among the sounds "
            f"given, the first is {missing[0]!r}; give the sounds that the results were computed "
            "from"
        )


def encode_clips(sounds: Sounds) -> dict[str, str]:
    """Encode every sound as text that can stand in a page.

    Returns
    -------
    dict of str to str
        Base64 of an MP3 file for the name of each sound.

    Raises
    ------
    AudioError
        If a sound cannot be read.
    """
    files = encode_files(sounds)
    return {name: base64.b64encode(encoded).decode("ascii") for name, encoded in files.items()}


def encode_files(sounds: Sounds) -> dict[str, bytes]:
    """Encode every sound as it is heard in a run: mono, cut or padded to its duration.

    Returns
    -------
    dict of str to bytes
        An MP3 file for the name of each sound.

    Raises
    ------
    AudioError
        If a sound cannot be read.
    """
    files = {}
    with progress.bar("sounds for the report", len(sounds), "sounds") as advance:
        for clip in sounds:
            waveform, rate = clip.read()
            duration = len(waveform) / rate if sounds.duration is None else sounds.duration
            files[clip.name] = encode_clip(waveform, rate, duration)
            advance()
    return files


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
