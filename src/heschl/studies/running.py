"""Carrying a study out: step by step, each result on disk before the next is begun.

What is there is not computed again; a step that fails is noted and the others go on; a study that
was interrupted at any point goes on from there and ends with the same tables.
"""

from __future__ import annotations

import itertools
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heschl import progress, store
from heschl.errors import HeschlError
from heschl.models import AudioModel
from heschl.registry import unknown_name
from heschl.results import FILE, Results
from heschl.studies.commands import commands_of
from heschl.studies.data import Data
from heschl.studies.folder import RUNS, Failure, StudyRun, is_study, load_run
from heschl.studies.keys import step_key
from heschl.studies.lazy import LazyModel
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
    UnknownNameError
        If one of ``models`` is not in the file.
    StoreError
        If the folder cannot be written.
    """
    check_names(file)
    wanted = _chosen(file, models)
    folder = Path(folder)
    store.check_writable(folder / RUNS)
    work = _Work(file, folder, how or Running())
    with users_modules(file):
        for name, steps in itertools.groupby(work.steps, key=lambda step: step.model):
            if name in wanted:
                work.model(name, list(steps))
    return work.finish()


def _chosen(file: StudyFile, models: Sequence[str] | None) -> set[str]:
    """Return the models that are to be done; refuse those that the file does not name."""
    known = [name for name, _ in models_of(file)]
    for name in models or ():
        if name not in known:
            raise unknown_name(f"model of {file.path.name}", name, known)
    return set(known if models is None else models)


class _Work:
    """A run of a study under way.

    Of steps that are not to be done now, or not yet, what was there before stays in the index.
    """

    def __init__(self, file: StudyFile, folder: Path, how: Running) -> None:
        self.file, self.folder, self.how = file, folder, how
        self.data = Data(file)
        self.steps = steps_of(file)
        before = load_run(folder) if is_study(folder) else None
        self._empty = _without_runs(file, len(self.steps), () if before is None else before.added)
        self._runs = {} if before is None else {_stem(name): name for name in before.runs}
        self._failures: list[Failure] = []

    def model(self, name: str, steps: Sequence[Step]) -> None:
        """Do all steps of a model, which is loaded only if one of them needs it."""
        model = LazyModel(name, self.how.device)
        for step in steps:
            place = self.steps.index(step) + 1
            progress.say(f"{place} of {len(self.steps)}: {step}", show=self.how.show_progress)
            self._runs.pop(step.name, None)
            try:
                self._runs[step.name] = self._do(step, model)
            except Exception as error:
                log.warning("%s failed: %s", step, shown(error))
                log.debug("what failed:", exc_info=error)
                self._failures.append(
                    Failure(step.model, step.data, step.metric, step.protocol, shown(error))
                )
            self._now().save(self.folder)

    def _do(self, step: Step, model: LazyModel) -> str:
        """Return the folder of a step's result; compute it if it is not there."""
        key = step_key(step, self.file.description, self.data, model.get)
        name = f"{step.name}-{key}"
        place = self.folder / RUNS / name
        if not _is_whole(place):
            self._compute(step, model.get()).save(place)
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
        runs = [self._runs[step.name] for step in self.steps if step.name in self._runs]
        return replace(self._empty, runs=tuple(runs), failures=tuple(self._failures))

    def finish(self) -> StudyRun:
        """Write the index and the tables."""
        run = self._now()
        run.save(self.folder)
        if run.runs:
            write_tables(run, self.folder)
        return run


def _without_runs(file: StudyFile, n_steps: int, added: tuple[Mapping[str, str], ...]) -> StudyRun:
    """Return what the index says of a study of which nothing is done."""
    models = {result_name(name): (name, entry) for name, entry in models_of(file)}
    return StudyRun(
        study=file.description.study,
        title=file.description.title,
        text=file.text,
        models={
            name: entry.model_dump(exclude={"name", "modules"}, exclude_none=True)
            for name, (_, entry) in models.items()
        },
        commands={name: commands_of(file, *model) for name, model in models.items()},
        runs=(),
        failures=(),
        n_steps=n_steps,
        added=added,
    )


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
