"""The datasets and tasks of a study, each loaded once and only when it is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from heschl import locks, store
from heschl.brain import DATASETS, BrainDataset, DatasetSpec, load_dataset
from heschl.errors import InputError
from heschl.sounds import Sounds
from heschl.studies.reading import StudyFile
from heschl.studies.steps import Step
from heschl.tasks import TASKS, Task, TaskSpec, load_task

#: Folder of locks below HESCHL_HOME.
LOCKS = "locks"


class Data:
    """What is loaded of the datasets and tasks of a study.

    Parameters
    ----------
    file : StudyFile
    """

    def __init__(self, file: StudyFile) -> None:
        said = file.description
        self._sources = {
            entry.name: file.path.parent / entry.source
            for entry in (*said.datasets, *said.tasks)
            if entry.source is not None
        }
        self._loaded: dict[tuple[bool, str], BrainDataset | Task] = {}
        self._keys: dict[tuple[bool, str], str] = {}

    def get(self, step: Step) -> BrainDataset | Task:
        """Load what a step needs; bring it to this machine, from the local copy if there is one."""
        key = (step.probes, step.data)
        if key not in self._loaded:
            self._bring(step)
            self._loaded[key] = load_task(step.place) if step.probes else load_dataset(step.place)
        return self._loaded[key]

    def dataset(self, step: Step) -> BrainDataset:
        """Load the dataset of a step that is on one."""
        found = self.get(step)
        if not isinstance(found, BrainDataset):
            raise TypeError(f"{step} is on a task, not on a dataset")
        return found

    def task(self, step: Step) -> Task:
        """Load the task of a step that is on one."""
        found = self.get(step)
        if not isinstance(found, Task):
            raise TypeError(f"{step} is on a dataset, not on a task")
        return found

    def _bring(self, step: Step) -> None:
        spec = spec_of(step)
        source = self._sources.get(step.data)
        if spec is None or spec.fetch is None or spec.plan is None:
            return
        if source is None or not source.exists() or not spec.plan().todo:
            return
        with locks.held(store.home() / LOCKS / f"copy-{spec.name}", f"a copy of {spec.name}"):
            if spec.plan().todo:  # another process may have been at it
                spec.fetch(source)

    def is_here(self, step: Step) -> bool:
        """Whether a step's data, or the local copy that the file names, are on this machine."""
        spec = spec_of(step)
        if spec is None or spec.plan is None:
            return True
        source = self._sources.get(step.data)
        return (source is not None and source.exists()) or not spec.plan().todo

    def spec(self, step: Step) -> DatasetSpec | TaskSpec:
        """Return the row of the table of a step's data, which are not here."""
        spec = spec_of(step)
        if spec is None:
            raise InputError(f"{step.data} is no name of 'heschl list'; expected one")
        return spec

    def key(self, step: Step) -> str:
        """Return what the content of a step's data is known by.

        Sounds of a dataset and all labels and responses are hashed. The clips of a task, of which
        there can be hundreds of thousands, are known by their files' names, sizes and times.
        """
        key = (step.probes, step.data)
        if key not in self._keys:
            content = hashlib.sha256()
            for part in _content(self.get(step)):
                content.update(part)
            self._keys[key] = content.hexdigest()
        return self._keys[key]


def spec_of(step: Step) -> DatasetSpec | TaskSpec | None:
    """Return the row of the table of a step's data; None for a folder of a user's own."""
    if step.probes:
        return TASKS.get(step.data)
    return DATASETS.get(step.data)


def _content(data: BrainDataset | Task) -> Iterator[bytes]:
    if isinstance(data, BrainDataset):
        yield _text([data.name, data.kind, data.source, data.citation])
        yield data.targets.to_csv(index=False).encode()
        for array in (data.responses, data.folds, data.ceiling):
            yield b"none" if array is None else np.ascontiguousarray(array).tobytes()
        yield _text([facts.digest for facts in data.sounds.facts])
        return
    yield _text([data.name, data.prediction, list(data.classes), list(data.units), data.duration])
    yield _text([data.citation, data.licence, data.source])
    for name, split in data.splits.items():
        yield _text([name, list(split.sounds.names)])
        yield np.packbits(split.labels).tobytes()
        yield _text(_files(split.sounds))


def _files(sounds: Sounds) -> list[list[Any]]:
    found: list[list[Any]] = []
    for clip in sounds.clips:
        if not isinstance(clip.source, str | Path):
            found.append([clip.name])  # embedded: part of this version of heschl
            continue
        status = Path(clip.source).stat()
        found.append([clip.name, status.st_size, status.st_mtime_ns])
    return found


def _text(content: object) -> bytes:
    return store.canonical_json(content).encode()
