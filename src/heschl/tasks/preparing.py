"""Clips at the rate of a model: checked, and resampled where needed, each once.

A clip is read when nothing is known of it, or when its file has changed. What was made and found
out is kept in a folder for the task, its place and the rate: files of float samples, and an index
of facts (`heschl.tasks.clip_index`).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import soxr

from heschl import progress, store
from heschl.errors import AudioError, HeschlWarning, InputError, UsageError
from heschl.sounds import Clip, ClipFacts, Sounds, clip_facts
from heschl.tasks.clip_index import ClipIndex, Entry
from heschl.tasks.hear.clips import check_present
from heschl.tasks.task import Task, TaskSplit
from heschl.tasks.wording import few
from heschl.tasks.workshop import Workshop, clip_key
from heschl.threads import map_threads, n_threads

#: To be raised whenever what is made or kept changes.
VERSION = 1
INDEX = "facts.txt"

FoundT = TypeVar("FoundT")

Place = tuple[str, Clip]
"""The name of a split, and a clip of it."""

Looked = dict[str, tuple[Clip, ClipFacts]]
"""Clips as they are to be used, by split/name."""


def prepare(
    task: Task, sample_rate: int, *, skip_bad: bool, show_progress: bool, n_jobs: int | None
) -> Task:
    """Return a task with all clips checked, and at a sample rate; see `Task.at_rate`."""
    if sample_rate < 1:
        raise UsageError(f"sample_rate is {sample_rate}; expected Hz, at least 1")
    n_threads(n_jobs)  # refuses a wrong number before any work
    bad: dict[str, AudioError] = {}
    with progress.bar(
        f"{task.name} at {sample_rate} Hz", task.n_clips, "clips", show=show_progress
    ) as advance:
        reading = _Reading(task.name, bad if skip_bad else None, advance, n_jobs)
        if task.audio:
            recorded = sample_rate if sample_rate in task.audio else max(task.audio)
            looked = _look_at_files(task, recorded, sample_rate, reading)
        else:
            recorded = None
            looked = _look_at_clips(task, reading)
    if recorded is not None and recorded < sample_rate:
        warnings.warn(
            f"{task.name}: its clips are recorded at {recorded} Hz, below the {sample_rate} Hz "
            f"that are asked for: above {recorded // 2} Hz there is nothing",
            HeschlWarning,
            stacklevel=3,
        )
    return _assembled(task, looked, bad, _provenance(recorded, sample_rate))


@dataclass(frozen=True)
class _Reading:
    """How clips are read.

    Attributes
    ----------
    task : str
        Its name.
    bad : dict of str to AudioError, or None
        Takes the clips that cannot be read; None refuses them.
    advance : callable
        Moves the progress bar on.
    n_jobs : int or None
        Threads.
    """

    task: str
    bad: dict[str, AudioError] | None
    advance: progress.Advance
    n_jobs: int | None

    def each(
        self, places: Iterable[Place], read: Callable[[str, Clip], FoundT]
    ) -> Iterator[tuple[str, FoundT]]:
        """Yield split/name and what reading gave, in order, of the clips that can be read.

        Raises
        ------
        AudioError
            If one cannot be read and is not to be left out.
        """
        places = list(places)

        def attempt(place: Place) -> FoundT | AudioError:
            try:
                return read(*place)
            except AudioError as error:
                return error

        found = map_threads(attempt, places, n_jobs=self.n_jobs)
        for (split, clip), out in zip(places, found, strict=True):
            key = clip_key(split, clip)
            self.advance()
            if not isinstance(out, AudioError):
                yield key, out
            elif self.bad is not None:
                self.bad[key] = out
            else:
                raise AudioError(
                    f"{self.task}, {key}: {out}. Replace it, or go on without such clips: "
                    "--skip-bad, or skip_bad=True; they are listed in the results"
                ) from out


def _places(task: Task) -> Iterator[Place]:
    for name, split in task.splits.items():
        for clip in split.sounds:
            yield name, clip


def _look_at_clips(task: Task, reading: _Reading) -> Looked:
    """Look at clips that are in memory, or whose files heschl did not find itself."""

    def look(split: str, clip: Clip) -> tuple[Clip, ClipFacts]:
        return clip, clip_facts(*clip.read(), task.duration)

    return dict(reading.each(_places(task), look))


def _look_at_files(task: Task, recorded: int, sample_rate: int, reading: _Reading) -> Looked:
    """Look at files, and resample them to a rate; what is known already is not read."""
    workshop = _workshop(task, recorded, sample_rate)
    check_present(workshop.originals, {k: split.sounds.names for k, split in task.splits.items()})
    entries: dict[str, Entry] = {}
    with ClipIndex(workshop.folder / INDEX) as index:
        for split in task.splits.values():
            entries |= workshop.current(split, index.entries)
        reading.advance(len(entries))
        todo = [place for place in _places(task) if clip_key(*place) not in entries]
        n_left = len(todo)
        for key, entry in reading.each(todo, lambda split, clip: workshop.read(split, clip.name)):
            index.add(key, entry)
            if n_left == len(todo) and entry.resampled and task.duration is not None:
                store.check_space(workshop.folder, (n_left - 1) * entry.resampled.size)
            n_left -= 1
            entries[key] = entry
    return {
        key: found
        for split in task.splits.values()
        for key, found in workshop.clips(split, entries)
    }


def _workshop(task: Task, recorded: int, sample_rate: int) -> Workshop:
    originals = task.audio[recorded]
    key = store.content_key(
        {
            "version": VERSION,
            "originals": str(originals.resolve()),
            "sample_rate": sample_rate,
            "resampler": _resampler(),
            "duration": task.duration,
        }
    )
    name = re.sub(r"[^\w.-]+", "_", task.name)[:60]
    folder = store.home() / "tasks" / "prepared" / f"{name}-{sample_rate}-{key[:16]}"
    return Workshop(originals, folder, sample_rate, task.duration)


def _resampler() -> str:
    return f"soxr {soxr.__version__} HQ"


def _provenance(recorded: int | None, sample_rate: int) -> dict[str, object]:
    """Say where the samples come from, for the provenance of results."""
    if recorded is None:
        return {}
    made = {} if recorded == sample_rate else {"resampled_to": sample_rate, "by": _resampler()}
    return {"audio": {"sample_rate": recorded, **made}}


def _assembled(
    task: Task, looked: Looked, bad: Mapping[str, AudioError], provenance: Mapping[str, object]
) -> Task:
    """Return the task of the clips that could be read."""
    left_out = tuple(f"{key}: {_reason(key, error)}" for key, error in bad.items())
    try:
        return replace(
            task,
            splits={name: _kept(split, looked) for name, split in task.splits.items()},
            source=dict(task.source) | dict(provenance),
            left_out=task.left_out + left_out,
        )
    except InputError as error:
        if not bad:
            raise
        raise InputError(f"{error}; {len(bad)} clips were left out ({few(left_out)})") from None


def _reason(key: str, error: AudioError) -> str:
    """Return what is wrong, without the path before it, which is of this machine."""
    name = key.partition("/")[2]
    return str(error).partition(f"{name}: ")[2] or str(error)


def _kept(split: TaskSplit, looked: Looked) -> TaskSplit:
    rows = [i for i, clip in enumerate(split.sounds) if clip_key(split.name, clip) in looked]
    if not rows:
        raise InputError(f"split {split.name!r} has no clip that can be read")
    found = [looked[clip_key(split.name, split.sounds[i])] for i in rows]
    sounds = Sounds(
        [clip for clip, _ in found],
        duration=split.sounds.duration,
        may_be_silent=split.sounds.may_be_silent,
        facts=[facts for _, facts in found],
    )
    return TaskSplit(split.name, sounds, split.labels[rows])
