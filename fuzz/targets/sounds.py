"""Sound files: looked at, read whole and in part. AudioError is all that may come.

What decodes them is libsndfile, in C: an error there ends the process, which is a finding as well.
"""

from __future__ import annotations

import numpy as np

import places
from heschl import audio
from heschl.errors import AudioError


def check(content: bytes) -> None:
    """Read bytes as a sound file; what is read must be sound, and its parts those of the whole."""
    with places.folder() as folder:
        path = folder / "sound.wav"
        path.write_bytes(content)
        try:
            facts = audio.look(path)
        except AudioError:
            facts = None
        try:
            whole, rate = audio.read(path)
        except AudioError:
            return
        _check_sound(whole, rate)
        start = len(whole) // 3
        try:
            part, part_rate = audio.read_part(path, start, 100)
        except AudioError:  # a place that cannot be found
            return
        if part_rate != rate or len(part) != min(100, len(whole) - start):
            raise AssertionError(f"{len(part)} samples at {part_rate} Hz; {len(whole)} at {rate}")
        if facts is not None and (facts.n_samples, facts.sample_rate) != (len(whole), rate):
            raise AssertionError(f"{facts}; {len(whole)} samples at {rate} Hz were read")


def _check_sound(waveform: audio.FloatArray, rate: int) -> None:
    if waveform.ndim != 1 or waveform.dtype != np.float32 or not len(waveform) or rate < 1:
        raise AssertionError(f"{waveform.dtype} {waveform.shape} at {rate} Hz")
    if not np.isfinite(waveform).all():
        raise AssertionError("samples are not finite")
