"""Carrying a study out: step by step, each result on disk before the next is begun.

What is there is not computed again; a step that fails is noted and the others go on; a study that
was interrupted at any point goes on from there and ends with the same tables.
"""

from __future__ import annotations

import itertools
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heschl import store
from heschl.errors import HeschlError
from heschl.models import AudioModel, load_model
from heschl.models.references import parse
from heschl.results import FILE, Results
from heschl.studies.commands import commands_of
from heschl.studies.data import Data
from heschl.studies.folder import RUNS, Failure, StudyRun, is_study, load_run
from heschl.studies.keys import step_key
from heschl.studies.names import check_names, result_name, shown, users_modules
from heschl.studies.reading import StudyFile
from heschl.studies.steps import Step, models_of, steps_of
from heschl.studies.writing import write_tables
from heschl.study import probe, profiles_are_extra, score
from heschl.tasks import Task

log = logging.getLogger("heschl")


@dataclass(frozen=True)
class Running:
    """How a study is carried out; nothing here changes the numbers.

    Attributes
    ----------
    device : str or None
        Where models run.
    batch_size : int or None
        Sounds that go through a model together, at most.
    n_jobs : int or None
        Threads.
    show_progress : bool
    """

    device: str | None = None
    batch_size: int | None = None
    n_jobs: int | None = None
    show_progress: bool = True


def run_study(
    file: StudyFile,
    folder: str | Path,
    *,
    models: Sequence[str] | None = None,
    how: Running | None = None,
) -> StudyRun:
    """Carry a study out; go on where an earlier run was interrupted.

    Parameters
    ----------
    file : StudyFile
    folder : str or Path
        Of the results; made if it is not there.
    models : sequence of str, optional
        Only these models and controls of the study, as the file names them (``NAME``,
        ``NAME@random:0``); what is there of others stays.
    how : Running, optional

    Returns
    -------
    StudyRun
        What there is now, failures included; the same is in ``study.json``, the tables beside it.

    Raises
    ------
    InputError
        If a name in the file stands for nothing; each with its line.
    StoreError
        If the folder cannot be written.
    """
    check_names(file)
    folder = Path(folder)
    store.check_writable(folder / RUNS)
    work = _Work(file, folder, how or Running())
    with users_modules(file):
        for name, steps in itertools.groupby(steps_of(file), key=lambda step: step.model):
            if models is None or name in models:
                work.model(name, list(steps))
            else:
                work.keep(list(steps))
    return work.finish()


def _wanted(name: str, models: Sequence[str]) -> bool:
    reference = parse(name)
    return any(
        name == one or (reference.control and name == f"{one}@{_end(name)}") for one in models
    )


def _end(name: str) -> str:
    return name.rpartition("@")[2]


class _Work:
    """A run of a study under way."""

    def __init__(self, file: StudyFile, folder: Path, how: Running) -> None:
        self.file, self.folder, self.how = file, folder, how
        self.data = Data(file)
        self.n_steps = len(steps_of(file))
        self.runs: list[str] = []
        self.failures: list[Failure] = []
        before = load_run(folder) if is_study(folder) else None
        self.added = () if before is None else before.added
        self.known = {} if before is None else {_stem(name): name for name in before.runs}

    def keep(self, steps: Sequence[Step]) -> None:
        """Keep what is there of steps that are not to be done now."""
        self.runs.extend(self.known[step.name] for step in steps if step.name in self.known)

    def model(self, name: str, steps: Sequence[Step]) -> None:
        """Do all steps of a model, which is loaded only if one of them is to be done."""
        model = _Lazy(name, self.how.device)
        for step in steps:
            log.info("%s", step)
            try:
                self.runs.append(self._do(step, model))
            except Exception as error:
                log.warning("%s failed: %s", step, shown(error))
                log.debug("what failed:", exc_info=error)
                self.failures.append(
                    Failure(step.model, step.data, step.metric, step.protocol, shown(error))
                )
            self._now().save(self.folder)

    def _do(self, step: Step, model: _Lazy) -> str:
        """Return the folder of a step's result; compute it if it is not there."""
        if model.error is not None:
            raise model.error
        key = step_key(step, self.file.description, self.data, model.loaded)
        name = f"{step.name}-{key}"
        place = self.folder / RUNS / name
        if _is_whole(place):
            return name
        result = self._compute(step, model.get())
        result.save(place)
        return name

    def _compute(self, step: Step, model: AudioModel) -> Results:
        said, how = self.file.description, self.how
        data = self.data.get(step)
        options: dict[str, Any] = {
            "protocol": step.protocol,
            "seed": step.seed,
            "n_bootstrap": said.bootstrap,
            "batch_size": how.batch_size,
            "n_jobs": how.n_jobs,
            "show_progress": how.show_progress,
        }
        if isinstance(data, Task):
            return probe(model, data, device=how.device, **options)
        return score(
            model,
            data,
            metric=step.metric,
            n_permutations=said.permutations,
            layer_profiles=said.layer_profiles and profiles_are_extra(step.metric, step.protocol),
            **options,
        )

    def _now(self) -> StudyRun:
        said = self.file.description
        return StudyRun(
            study=said.study,
            title=said.title,
            text=self.file.text,
            models={
                result_name(name): entry.model_dump(exclude={"name", "modules"}, exclude_none=True)
                for name, entry in models_of(self.file)
            },
            commands={
                result_name(name): commands_of(self.file, name) for name, _ in models_of(self.file)
            },
            runs=tuple(self.runs),
            failures=tuple(self.failures),
            n_steps=self.n_steps,
            added=self.added,
        )

    def finish(self) -> StudyRun:
        """Write the index and the tables."""
        run = self._now()
        run.save(self.folder)
        if run.runs:
            write_tables(run, self.folder)
        return run


class _Lazy:
    """A model that is loaded when it is first needed, and whose failure to load is remembered."""

    def __init__(self, name: str, device: str | None) -> None:
        self.name, self._device = name, device
        self.loaded: AudioModel | None = None
        self.error: Exception | None = None

    def get(self) -> AudioModel:
        """Return the model."""
        if self.loaded is None:
            try:
                self.loaded = load_model(self.name, device=self._device)
            except Exception as error:
                self.error = error
                raise
        return self.loaded


def _is_whole(place: Path) -> bool:
    """Whether a result is there and undamaged; what is damaged is removed."""
    if not (place / FILE).is_file():
        return False
    try:
        Results.load(place)
    except HeschlError as error:
        log.warning("%s will be computed again: %s", place.name, error)
        shutil.rmtree(place)
        return False
    return True


def _stem(name: str) -> str:
    return name.rpartition("-")[0]
