"""Which jobs can be done, are under way, wait for another attempt, or are done: decisions alone.

Nothing here knows of processes, files or networks: a crew (`heschl.studies.crew`) does what is
decided here, whether it is this process or a cluster.

What is temporary (a server that does not answer, a file system that hangs) is tried again after
growing waits. A job whose process died is given out again, after those that no process died over,
and so many times that machines may be taken away again and again; but not for ever, because the job
itself may be what kills them.
A job for which memory was not enough is tried once more with fewer sounds at a time. Anything else
would go wrong again: it is a failure.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from heschl.studies.jobs import Attempt, Extracted, Job, Outcome, Trouble

#: Seconds before the second, third, ... attempt at what failed for a while.
WAITS = (5.0, 20.0, 60.0, 180.0)
#: How often a crew may report that a process died over a job. (Dask reports it after the fourth.)
MOST_DEATHS = 5
#: How often it may report that a job was withdrawn. (One that waits behind a job that kills
#: processes is, each time.)
MOST_WITHDRAWN = 1000


@dataclass
class _State:
    """What became of a job so far."""

    tries: int = 0
    failed: int = 0
    deaths: int = 0
    withdrawn: int = 0
    smaller: bool = False


@dataclass(frozen=True)
class Ended:
    """A job that is over.

    Attributes
    ----------
    number : int
    job : Job
    result : Extracted, str or None
    trouble : Trouble or None
    """

    number: int
    job: Job
    result: Extracted | str | None
    trouble: Trouble | None = field(default=None)


class Carrying:
    """The jobs of a study while they are carried out.

    Parameters
    ----------
    jobs : sequence of Job
        Extractions before their analyses.
    waits : sequence of float, optional
        Seconds before each further attempt at what failed for a while.
    clock : callable, optional
        Tells the seconds since some moment; by default one that never jumps.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        waits: Sequence[float] = WAITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.jobs = list(jobs)
        self._waits, self._clock = tuple(waits), clock
        self._states = [_State() for _ in jobs]
        self._extracted: dict[int, Extracted] = {}
        self._analyses: dict[int, list[int]] = {}
        for number, job in enumerate(self.jobs):
            if job.after is not None:
                self._analyses.setdefault(job.after, []).append(number)
        # always the earliest: a model is finished before the next
        self._ready: list[tuple[int, int]] = []
        for number, job in enumerate(self.jobs):
            if job.extracts:
                self._make_ready(number)
        self._waiting: list[tuple[float, int]] = []
        self.n_ended = 0

    @property
    def over(self) -> bool:
        """Whether every job has ended."""
        return self.n_ended == len(self.jobs)

    def next(self) -> Attempt | None:
        """Return the next job that can be done now; None if there is none."""
        now = self._clock()
        while self._waiting and self._waiting[0][0] <= now:
            self._make_ready(heapq.heappop(self._waiting)[1])
        if not self._ready:
            return None
        _, number = heapq.heappop(self._ready)
        job, state = self.jobs[number], self._states[number]
        extracted = None if job.after is None else self._extracted[job.after]
        state.tries += 1
        return Attempt(number, job, extracted, state.tries - 1, state.smaller)

    def _make_ready(self, number: int) -> None:
        heapq.heappush(self._ready, (self._states[number].deaths, number))

    def wait(self) -> float | None:
        """Return in how many seconds another attempt is due; None if none waits."""
        return max(0.0, self._waiting[0][0] - self._clock()) if self._waiting else None

    def take(self, attempt: Attempt, outcome: Outcome) -> list[Ended]:
        """Take note of how an attempt ended; return the jobs that are over with it."""
        if outcome.trouble is not None:
            if self._again(attempt.number, outcome.trouble):
                return []
            return list(self._fail(attempt.number, outcome.trouble))
        return list(self._done(attempt.number, outcome.result))

    def _again(self, number: int, trouble: Trouble) -> bool:
        """Give a job out again if that may help."""
        state = self._states[number]
        if trouble.kind == "temporary" and state.failed < len(self._waits):
            due = self._clock() + self._waits[state.failed]
            state.failed += 1
            heapq.heappush(self._waiting, (due, number))
            return True
        if trouble.kind == "lost" and state.deaths < MOST_DEATHS:
            state.deaths += 1
        elif trouble.kind == "memory" and not state.smaller:
            state.smaller = True
        elif trouble.kind == "withdrawn" and state.withdrawn < MOST_WITHDRAWN:
            state.withdrawn += 1
        else:
            return False
        self._make_ready(number)
        return True

    def _fail(self, number: int, trouble: Trouble) -> Iterator[Ended]:
        """End a job, and the analyses of what it should have given."""
        yield self._end(number, None, trouble)
        for analysis in self._analyses.get(number, ()):
            yield self._end(analysis, None, trouble)

    def _done(self, number: int, result: Extracted | str | None) -> Iterator[Ended]:
        yield self._end(number, result, None)
        if not isinstance(result, Extracted):
            return
        self._extracted[number] = result
        for analysis in self._analyses.get(number, ()):
            place = self.jobs[analysis].steps[0]
            if place in result.there:
                yield self._end(analysis, result.names[place], None)
            else:
                self._make_ready(analysis)

    def _end(self, number: int, result: Extracted | str | None, trouble: Trouble | None) -> Ended:
        self.n_ended += 1
        return Ended(number, self.jobs[number], result, trouble)
