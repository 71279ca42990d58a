"""A user's own copy of the release, verified sample by sample before any of it is used."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from heschl.brain.natsound165.release import (
    CATEGORIES,
    CATEGORIES_SHA256,
    COMMIT,
    COMPONENTS,
    COMPONENTS_SHA256,
    NAME,
    SAMPLE_RATE,
    ReleasedSound,
    read_bytes,
    released_sounds,
)
from heschl.errors import FetchError

_SHOWN = 5


def read_copy(source: Path) -> dict[Path, bytes]:
    """Read and verify a local copy.

    Parameters
    ----------
    source : Path
        A folder with the files of the release anywhere below it.

    Returns
    -------
    dict of Path to bytes
        The content of each published file, by its path in the release.

    Raises
    ------
    FetchError
        If it is no folder, or if a file is missing, unreadable or not as published.
    """
    if not source.is_dir():
        what = "a file" if source.exists() else "not there"
        raise FetchError(
            f"{source} is {what}; expected a folder with the release of {NAME} (unpack an archive "
            "first)"
        )
    found = _find(source)
    contents: dict[Path, bytes] = {}
    missing: list[str] = []
    different: list[str] = []
    for wanted in (*_wanted_tables(), *_wanted_sounds()):
        candidates = [path for name in wanted.names for path in found.get(name, ())]
        content = next(filter(None, map(wanted.read, candidates)), None)
        if content is not None:
            contents[wanted.path] = content
        else:
            (different if candidates else missing).append(wanted.label)
    if missing or different:
        raise _copy_error(source, missing, different)
    return contents


def _find(source: Path) -> dict[str, list[Path]]:
    """Return every file below a folder, by its name in small letters."""
    found: dict[str, list[Path]] = {}
    for parent, _, names in os.walk(source):
        for name in sorted(names):
            found.setdefault(name.lower(), []).append(Path(parent) / name)
    return found


@dataclass(frozen=True)
class _Wanted:
    """A file of the release that a local copy must have.

    ``read`` returns the bytes of the published file, or None if a candidate is something else.
    """

    label: str
    path: Path
    names: tuple[str, ...]
    read: Callable[[Path], bytes | None]


def _wanted_tables() -> tuple[_Wanted, ...]:
    tables = ((COMPONENTS, COMPONENTS_SHA256), (CATEGORIES, CATEGORIES_SHA256))
    return tuple(
        _Wanted(path.name, path, (path.name,), functools.partial(_read_exact, sha256=sha256))
        for path, sha256 in tables
    )


def _wanted_sounds() -> tuple[_Wanted, ...]:
    return tuple(
        _Wanted(
            sound.name,
            sound.path,
            (f"{sound.name}.wav".lower(), f"{sound.name}.flac".lower()),
            functools.partial(_read_sound, sound=sound),
        )
        for sound in released_sounds()
    )


def _read_exact(path: Path, *, sha256: str) -> bytes | None:
    """Return a file's bytes if they have the published hash."""
    content = read_bytes(path)
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def _read_sound(path: Path, *, sound: ReleasedSound) -> bytes | None:
    """Return the published WAV file if a sound file has the same samples, in whatever encoding."""
    content = read_bytes(path)
    if hashlib.sha256(content).hexdigest() == sound.sha256_file:
        return content
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError):
        return None  # damaged or no sound: counted among the different ones
    if rate != SAMPLE_RATE or samples.shape[1] != 1:
        return None
    data = np.ascontiguousarray(samples, "<i2").tobytes()
    if hashlib.sha256(data).hexdigest() != sound.sha256_samples:
        return None
    return _wav_file(data)


def _wav_file(data: bytes) -> bytes:
    """Return a WAV file of int16 samples: the published files have just this header."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(data)
    return file.getvalue()


def _copy_error(source: Path, missing: Sequence[str], different: Sequence[str]) -> FetchError:
    problems = [
        f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
        for what, names in (("missing", missing), ("different", different))
        if names
    ]
    return FetchError(
        f"{source} is not the published release of {NAME}: of its {len(released_sounds())} sounds, "
        f"components.mat and category_labels.csv, {' and '.join(problems)}. Nothing was copied. "
        f"Expected commit {COMMIT[:7]} of github.com/snormanhaignere/natsound165-neuron2015, the "
        "sounds sample for sample, as WAV or FLAC"
    )
