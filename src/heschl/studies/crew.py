"""Who does the jobs of a study: this process alone, or others (`heschl.cluster`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from heschl import progress
from heschl.studies.desk import Desk, Running
from heschl.studies.jobs import Attempt, Outcome
from heschl.studies.reading import StudyFile

#: Jobs that a crew of workers is given for each of them: the next lies ready, and few are lost.
AHEAD = 2


class Crew(Protocol):
    """Whoever does jobs."""

    def free(self) -> bool:
        """Whether another job may be given now."""

    def give(self, attempt: Attempt) -> None:
        """Take a job."""

    def next(self, timeout: float | None) -> tuple[Attempt, Outcome] | None:
        """Return a job that has ended; None if none has within so many seconds."""


Gather = Callable[[StudyFile, Path, Running], AbstractContextManager[Crew]]
"""Brings a crew together for a study, and sends it home."""


@contextmanager
def alone(file: StudyFile, folder: Path, how: Running) -> Iterator[Crew]:
    """Let this process do everything, one job after the other."""
    yield _Alone(Desk(file, folder, how))


class _Alone:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._given: Attempt | None = None

    def free(self) -> bool:
        return self._given is None

    def give(self, attempt: Attempt) -> None:
        self._given = attempt

    def next(self, timeout: float | None) -> tuple[Attempt, Outcome] | None:
        attempt, self._given = self._given, None
        if attempt is None:
            time.sleep(timeout or 0)
            return None
        job = attempt.job
        kind = "extraction of " if job.extracts else ""
        progress.say(f"{kind}{job.what}", show=self._desk.how.show_progress)
        return attempt, self._desk.do(attempt)
