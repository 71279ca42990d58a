"""Where jobs of a study are done: one process, with what it loaded last at hand."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heschl import locks, process
from heschl.activations import Activations, extract, reopen
from heschl.activations.memory import LARGEST_ON_CPU, LARGEST_ON_GPU
from heschl.brain import BrainDataset
from heschl.errors import HeschlError
from heschl.models import AudioModel
from heschl.results import Results
from heschl.studies import journal
from heschl.studies.data import Data
from heschl.studies.folder import RUNS
from heschl.studies.jobs import Attempt, Extracted, Outcome
from heschl.studies.keeping import is_whole, keep
from heschl.studies.keys import step_key
from heschl.studies.lazy import LazyModel
from heschl.studies.names import users_modules
from heschl.studies.reading import StudyFile
from heschl.studies.steps import Step, steps_of
from heschl.studies.troubles import trouble_of
from heschl.study import (
    check_score,
    probe_activations,
    profiles_are_extra,
    score_activations,
)
from heschl.tasks import Task

#: Folder in that of the results with a lock for each.
LOCKS = ".locks"
#: After memory was not enough, batches are so many times smaller.
SMALLER = 4

log = logging.getLogger("heschl")


@dataclass(frozen=True)
class Running:
    """How a study is carried out; nothing here changes the numbers but in their last digits.

    Attributes
    ----------
    device : str or None
        Where models run.
    batch_size : int or None
        Sounds that go through a model together, at most.
    n_jobs : int or None
        Threads. Analyses give the same to the bit whatever their number; a torch network on a CPU
        does not.
    show_progress : bool
    """

    device: str | None = None
    batch_size: int | None = None
    n_jobs: int | None = None
    show_progress: bool = True


class Desk:
    """One process that does jobs of a study.

    Parameters
    ----------
    file : StudyFile
    folder : Path
        Of the study's results.
    how : Running
    """

    def __init__(self, file: StudyFile, folder: Path, how: Running) -> None:
        self.file, self.folder, self.how = file, folder, how
        self.data = Data(file)
        self.steps = steps_of(file)
        self._model: LazyModel | None = None
        self._task: tuple[tuple[str, int], Task] | None = None

    def do(self, attempt: Attempt) -> Outcome:
        """Do a job; what goes wrong is in the outcome.

        What is raised nevertheless ends the process: an interruption.
        """
        began = time.perf_counter()
        process.forget_peak()
        result: Extracted | str | None = None
        trouble, computed = None, True
        try:
            with users_modules(self.file):
                if attempt.job.extracts:
                    result, computed = self._extract(attempt)
                else:
                    result, computed = self._analyse(attempt)
        except (Exception, SystemExit) as error:  # a user's code raises what it likes
            trouble = trouble_of(error)
            log.debug("what failed:", exc_info=error)
        seconds = time.perf_counter() - began
        try:
            self._write(attempt, computed, seconds, None if trouble is None else trouble.text)
        except HeschlError as error:
            trouble = trouble or trouble_of(error)
        return Outcome(result if trouble is None else None, trouble, (), seconds)

    def _write(self, attempt: Attempt, computed: bool, seconds: float, trouble: str | None) -> None:
        journal.write_line(
            self.folder,
            {
                "process": os.getpid(),
                "job": "extraction" if attempt.job.extracts else "analysis",
                "what": attempt.job.what,
                "computed": computed,
                "seconds": round(seconds, 3),
                "peak_memory": process.memory("VmHWM"),
                "trouble": trouble and trouble[:1000],
            },
        )

    # --- extraction

    def _extract(self, attempt: Attempt) -> tuple[Extracted, bool]:
        """Find what is there; extract if any analysis needs it."""
        steps = {place: self.steps[place] for place in attempt.job.steps}
        first = next(iter(steps.values()))
        model = self._lazy(first.model, again=attempt.tries > 0)
        said = self.file.description
        names = {
            place: f"{step.name}-{step_key(step, said, self.data, model.get)}"
            for place, step in steps.items()
        }
        there = frozenset(p for p, name in names.items() if is_whole(self.folder / RUNS / name))
        if not any(self._can_be_done(steps[place]) for place in names if place not in there):
            return Extracted(names, there), False
        loaded = model.get()
        found = self._activations(loaded, first, attempt)
        keys = {part: str(one.provenance["activations"]) for part, one in found.items()}
        return Extracted(names, there, keys, loaded.name, loaded.device), True

    def _lazy(self, name: str, *, again: bool = False) -> LazyModel:
        """Return a model, which stays until another one is asked for, or this has to be tried."""
        if self._model is None or self._model.name != name or (again and self._model.failed):
            self._model = None  # before the next one is loaded
            self._model = LazyModel(name, self.how.device)
        return self._model

    def _can_be_done(self, step: Step) -> bool:
        """Whether an analysis will not refuse the data; if it does, it says so itself."""
        try:
            self._check(step)
        except HeschlError:
            return False
        return True

    def _check(self, step: Step) -> None:
        if not step.probes:
            check_score(self.data.dataset(step), **self._options(step))

    def _activations(
        self, model: AudioModel, step: Step, attempt: Attempt
    ) -> Mapping[str, Activations]:
        """Extract what an analysis of a step needs, or read it."""
        data = self.data.get(step)
        parts = (
            {"": data.sounds}
            if isinstance(data, BrainDataset)
            else {
                name: one.sounds
                for name, one in self._task_at(step, model.sample_rate).splits.items()
            }
        )
        return {
            name: extract(
                model,
                sounds,
                batch_size=self._batch_size(model, smaller=attempt.smaller),
                n_jobs=self.how.n_jobs,
                show_progress=self.how.show_progress,
            )
            for name, sounds in parts.items()
        }

    def _batch_size(self, model: AudioModel, *, smaller: bool) -> int | None:
        given = self.how.batch_size
        if not smaller:
            return given
        usual = LARGEST_ON_CPU if model.device == "cpu" else LARGEST_ON_GPU
        return max(1, (given or usual) // SMALLER)

    def _task_at(self, step: Step, sample_rate: int) -> Task:
        """Return a task at a rate; the last one stays."""
        key = step.data, sample_rate
        if self._task is None or self._task[0] != key:
            task = self.data.task(step)
            how = self.how
            found = task.at_rate(sample_rate, show_progress=how.show_progress, n_jobs=how.n_jobs)
            self._task = key, found
        return self._task[1]

    # --- analysis

    def _analyse(self, attempt: Attempt) -> tuple[str, bool]:
        """Compute a result if it is not there; return its folder's name."""
        extracted = attempt.extracted
        if extracted is None:
            raise ValueError(f"{attempt.job.what}: an analysis without what was extracted for it")
        (place,) = attempt.job.steps
        step, name = self.steps[place], extracted.names[place]
        folder = self.folder / RUNS / name
        with locks.held(self.folder / RUNS / LOCKS / name, str(step)) as alone:
            computed = not is_whole(folder)
            if computed:
                keep(self._compute(step, extracted, attempt), folder, alone=alone)
        return name, computed

    def _compute(self, step: Step, extracted: Extracted, attempt: Attempt) -> Results:
        self._check(step)
        found = self._reopened(extracted)
        if found is None:  # another machine has a store of its own, or it was damaged
            found = self._activations(self._lazy(step.model).get(), step, attempt)
        options = self._options(step) | {
            "n_jobs": self.how.n_jobs,
            "show_progress": self.how.show_progress,
        }
        first = next(iter(found.values()))
        if step.probes:
            task = self._task_at(step, int(first.provenance["sample_rate"]))
            return probe_activations(found, task, device=extracted.device, **options)
        return score_activations(first, self.data.dataset(step), **options)

    def _reopened(self, extracted: Extracted) -> Mapping[str, Activations] | None:
        found = {part: reopen(key, extracted.model) for part, key in extracted.activations.items()}
        whole = {part: one for part, one in found.items() if one is not None}
        return whole if whole and len(whole) == len(found) else None

    def _options(self, step: Step) -> dict[str, Any]:
        """Return what the file says of an analysis."""
        said = self.file.description
        options: dict[str, Any] = {
            "protocol": step.protocol,
            "seed": step.seed,
            "n_bootstrap": said.bootstrap,
        }
        if step.probes:
            return options
        profiles = said.layer_profiles and profiles_are_extra(step.metric, step.protocol)
        return options | {
            "metric": step.metric,
            "n_permutations": said.permutations,
            "layer_profiles": profiles,
        }
