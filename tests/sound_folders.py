"""Made-up sound files for tests of training data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

#: Suffix of a file's name and options of soundfile.write, for every kind that heschl reads.
FORMATS = {
    "plain.wav": {"subtype": "FLOAT"},
    "pcm.wav": {},
    "plain.flac": {},
    "plain.aiff": {},
    "vorbis.ogg": {},
    "opus.ogg": {"format": "OGG", "subtype": "OPUS"},
    "constant.mp3": {},
    "variable.mp3": {"bitrate_mode": "VARIABLE"},
}


def noise(n_samples: int, *, seed: int = 0, channels: int = 1) -> np.ndarray:
    """Noise that fades towards high frequencies, (n_samples, channels)."""
    white = np.random.default_rng(seed).standard_normal((n_samples + 2, channels))
    return 0.1 * (white[2:] + 2 * white[1:-1] + white[:-2])


def write(path: Path, n_samples: int, rate: int = 16_000, *, channels: int = 1, seed: int = 0):
    """Write a file of noise; its suffix says which kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = next((o for end, o in FORMATS.items() if path.name.endswith(end)), {})
    soundfile.write(path, noise(n_samples, seed=seed, channels=channels), rate, **options)
    return path


def damage_inside(path: Path) -> Path:
    """Overwrite the middle of a file: its ends stay as they are."""
    content = bytearray(path.read_bytes())
    middle = slice(len(content) * 2 // 5, len(content) * 3 // 5)
    content[middle] = bytes(middle.stop - middle.start)
    path.write_bytes(content)
    return path
