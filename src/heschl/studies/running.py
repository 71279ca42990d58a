"""Carrying a study out: job by job, each result on disk before it counts.

What is there is not computed again; a step that fails is noted and the others go on; a study that
was interrupted at any point goes on from there and ends with the same tables.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from heschl import progress, store
from heschl.errors import HeschlWarning
from heschl.registry import unknown_name
from heschl.studies.carrying import Carrying, Ended
from heschl.studies.commands import commands_of
from heschl.studies.crew import Crew, Gather, alone
from heschl.studies.desk import Running
from heschl.studies.folder import RUNS, Failure, StudyRun, is_study, load_run
from heschl.studies.jobs import Attempt, Outcome, jobs_of
from heschl.studies.names import check_names, result_name
from heschl.studies.reading import StudyFile
from heschl.studies.steps import Step, models_of, steps_of
from heschl.studies.writing import write_tables

#: Between two writings of the index passes at least so much, in seconds and in times of a writing:
#: that of a large study takes a while.
EVERY_SECONDS, EVERY_TIMES = 1.0, 20.0

log = logging.getLogger("heschl")


def run_study(
    file: StudyFile,
    folder: str | Path,
    *,
    models: Sequence[str] | None = None,
    how: Running | None = None,
    crew: Gather = alone,
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
    crew : callable, optional
        Who does it: this process alone by default, or a cluster (`heschl.cluster.gather`).

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
    ClusterError
        If a cluster cannot be had, or is lost and does not come back; what is finished is kept.
    """
    check_names(file)
    wanted = _chosen(file, models)
    folder, how = Path(folder), how or Running()
    store.check_writable(folder / RUNS)
    work = _Work(file, folder, wanted)
    with crew(file, folder, how) as hands:
        work.carry_out(hands, show_progress=how.show_progress)
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

    def __init__(self, file: StudyFile, folder: Path, wanted: set[str]) -> None:
        self.folder = folder
        self.steps = steps_of(file)
        self.carrying = Carrying(jobs_of(self.steps, wanted))
        before = load_run(folder) if is_study(folder) else None
        self._empty = _without_runs(file, len(self.steps), () if before is None else before.added)
        self._runs = {} if before is None else {_stem(name): name for name in before.runs}
        self._failures: dict[int, Failure] = {}
        self._saved = _Sometimes()
        self._n_over = 0
        self._n_steps = sum(not job.extracts for job in self.carrying.jobs)

    def carry_out(self, crew: Crew, *, show_progress: bool) -> None:
        """Give out what can be done, and take in what has ended, until nothing is left."""
        self._show = show_progress
        try:
            while not self.carrying.over:
                while crew.free() and (attempt := self.carrying.next()) is not None:
                    crew.give(attempt)
                found = crew.next(self.carrying.wait())
                if found is not None:
                    self._take(*found)
                    self._saved.maybe(lambda: self._now().save(self.folder))
        finally:
            self._now().save(self.folder)

    def _take(self, attempt: Attempt, outcome: Outcome) -> None:
        for text in outcome.warnings:
            warnings.warn(text, HeschlWarning, stacklevel=3)
        over = self.carrying.take(attempt, outcome)
        if outcome.trouble is not None:
            # whoever lost a scheduler says so once, not for each job
            level = logging.INFO if outcome.trouble.kind == "withdrawn" else logging.WARNING
            again = "" if over else "; it will be tried again"
            log.log(level, "%s failed: %s%s", attempt.job.what, outcome.trouble.text, again)
        for ended in over:
            if not ended.job.extracts:
                self._note(ended, outcome)

    def _note(self, ended: Ended, outcome: Outcome) -> None:
        """Take a step that is over into the index."""
        (place,) = ended.job.steps
        step = self.steps[place]
        self._n_over += 1
        if isinstance(ended.result, str):
            self._runs[step.name] = ended.result
        elif ended.trouble is not None:
            self._runs.pop(step.name, None)
            self._failures[place] = _failure(step, ended.trouble.text)
        where = f" on {outcome.where}" if outcome.where else ""
        progress.say(
            f"{self._n_over} of {self._n_steps}: {step}, {outcome.seconds:.3g} s{where}",
            show=self._show,
        )

    def _now(self) -> StudyRun:
        runs = [self._runs[step.name] for step in self.steps if step.name in self._runs]
        failures = [self._failures[place] for place in sorted(self._failures)]
        return replace(self._empty, runs=tuple(runs), failures=tuple(failures))

    def finish(self) -> StudyRun:
        """Write the tables."""
        run = self._now()
        if run.runs:
            write_tables(run, self.folder)
        return run


class _Sometimes:
    """Lets something be done, but not so often that it is most of what is done."""

    def __init__(self) -> None:
        self._next = 0.0

    def maybe(self, write: Callable[[], object]) -> None:
        began = time.monotonic()
        if began < self._next:
            return
        write()
        ended = time.monotonic()
        self._next = ended + max(EVERY_SECONDS, EVERY_TIMES * (ended - began))


def _failure(step: Step, error: str) -> Failure:
    return Failure(step.model, step.data, step.metric, step.protocol, error)


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


def _stem(name: str) -> str:
    return name.rpartition("-")[0]
