"""Where the clips of a task at one rate are made: each from its file, once."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from heschl import audio, store
from heschl.errors import AudioError
from heschl.sounds import Clip, ClipFacts, clip_facts
from heschl.tasks.clip_index import Entry, stamp, stamps
from heschl.tasks.task import TaskSplit


def clip_key(split: str, clip: Clip) -> str:
    """Return the name of a clip among all of a task: split/file."""
    return f"{split}/{clip.name}"


@dataclass(frozen=True)
class Workshop:
    """Where the clips of a task come from, and where what is made of them is kept.

    Attributes
    ----------
    originals : Path
        The folder with ``split/file``.
    folder : Path
        Where files at the rate are made, and the index is kept.
    sample_rate : int
        In Hz.
    duration : float or None
        Of the clips in seconds: silence is judged within it.
    """

    originals: Path
    folder: Path
    sample_rate: int
    duration: float | None

    def original(self, split: str, name: str) -> Path:
        """Return the file of a clip as it was given."""
        return self.originals / split / name

    def resampled(self, split: str, name: str) -> Path:
        """Return the file that is made of it."""
        return self.folder / split / f"{name}.wav"

    def current(self, split: TaskSplit, entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """Return the entries of a split whose files have not changed since they were written."""
        originals = stamps(self.originals / split.name)
        resampled = stamps(self.folder / split.name)
        found = {}
        for clip in split.sounds:
            key = clip_key(split.name, clip)
            entry = entries.get(key)
            if (
                entry is not None
                and entry.original == originals.get(clip.name)
                and entry.resampled in (None, resampled.get(f"{clip.name}.wav"))
            ):
                found[key] = entry
        return found

    def read(self, split: str, name: str) -> Entry:
        """Read a clip, and make the file at the rate if it has another.

        Raises
        ------
        AudioError
            If it cannot be read.
        StoreError
            If the file cannot be written.
        """
        path = self.original(split, name)
        before = stamp(path)
        waveform, rate = audio.read(path)
        if before is None:  # it came between the two
            raise AudioError(f"{path}: was changed while it was read; run it again")
        if rate == self.sample_rate:
            return Entry(before, None, clip_facts(waveform, rate, self.duration))
        made = audio.resample(waveform, rate, self.sample_rate)
        if not len(made):
            raise AudioError(f"{path}: too short: {len(waveform)} samples at {rate} Hz")
        target = self.resampled(split, name)
        content = _encoded(made, self.sample_rate)
        store.write_atomic(target.parent, target.name, lambda file: file.write_bytes(content))
        return Entry(before, stamp(target), clip_facts(made, self.sample_rate, self.duration))

    def clips(
        self, split: TaskSplit, entries: Mapping[str, Entry]
    ) -> Iterator[tuple[str, tuple[Clip, ClipFacts]]]:
        """Yield the clips of a split that have an entry, with the files that are to be used."""
        for clip in split.sounds:
            key = clip_key(split.name, clip)
            entry = entries.get(key)
            if entry is not None:
                used = self.original if entry.resampled is None else self.resampled
                source = used(split.name, clip.name)
                yield key, (Clip(clip.name, source, clip.category), entry.facts)


def _encoded(waveform: NDArray[np.float32], rate: int) -> bytes:
    """Return a WAV file of float samples: what is read from it is what was written."""
    buffer = io.BytesIO()  # so that a full disk is noticed when the bytes are written
    soundfile.write(buffer, waveform, rate, format="WAV", subtype="FLOAT")
    return buffer.getvalue()
