"""Jobs of a study given to the workers of a Dask cluster, and their ends taken in.

What is to be done, and done again, is decided by `heschl.studies.carrying` in the process of the
user. Dask moves jobs to workers, and to others if workers die; results are on disk before a job
ends, so nothing is lost with a worker. If the scheduler is lost, jobs under way are given out again
once it is back; with the process of the user, the same command goes on.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heschl.cluster import remote
from heschl.cluster.places import Place
from heschl.cluster.starting import NAME, start
from heschl.cluster.supplies import GPU, MEMORY, cores, demand
from heschl.errors import ClusterError
from heschl.studies.crew import AHEAD, Crew, Gather
from heschl.studies.desk import Running
from heschl.studies.jobs import Attempt, Outcome, Trouble
from heschl.studies.reading import StudyFile
from heschl.studies.steps import Step, steps_of
from heschl.studies.troubles import trouble_of

if TYPE_CHECKING:
    from distributed import Client, Future

#: Seconds to wait for a lost scheduler.
PATIENCE = 600.0
#: Seconds between two looks at the cluster, and between two messages that there is no worker.
LOOK, SAY_AGAIN = 1.0, 60.0
#: Seconds between two attempts to reach a scheduler.
BETWEEN = 2.0

_WITHDRAWN = Trouble("withdrawn", "the scheduler was lost")
log = logging.getLogger("heschl")


def gather(place: Place, *, patience: float = PATIENCE) -> Gather:
    """Return what brings the workers of a cluster together for `heschl.run_study`.

    Parameters
    ----------
    place : Local, Scheduler or Queue
        As `parse_place` returns it.
    patience : float, optional
        Seconds to wait for a scheduler that was lost.

    Returns
    -------
    Gather
        Raises `MissingDependencyError` without Dask, `ClusterError` if the cluster cannot be had.
    """

    @contextlib.contextmanager
    def gathered(file: StudyFile, folder: Path, how: Running) -> Iterator[Crew]:
        order = remote.make_order(file, folder, how)
        with start(place) as connect:
            crew = _DaskCrew(order, steps_of(file), how, connect, patience)
            try:
                yield crew
            finally:
                crew.go_home()

    return gathered


class _DaskCrew:
    """The workers of a cluster.

    Parameters
    ----------
    order : Order
    steps : sequence of Step
        Of the study.
    how : Running
    connect : callable
        Returns a client of the scheduler; raises OSError if there is none.
    patience : float
    """

    def __init__(
        self,
        order: remote.Order,
        steps: Sequence[Step],
        how: Running,
        connect: Callable[[], Client],
        patience: float,
    ) -> None:
        self._order, self._steps, self._how = order, steps, how
        self._connect, self._patience = connect, patience
        self._under_way: dict[str, tuple[Attempt, Future]] = {}
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._not_given: list[Attempt] = []
        self._said = 0.0
        self._client = self._reached(None)

    # --- giving out

    def free(self) -> bool:
        """Whether workers are there, and not all of them have enough to do."""
        return len(self._under_way) < AHEAD * len(self._workers())

    def _workers(self) -> list[dict[str, Any]]:
        if self._client.status != "running":
            return []
        found: dict[str, dict[str, Any]] = self._client.scheduler_info(n_workers=-1)
        return list(found.get("workers", {}).values())  # none once the scheduler is lost

    def give(self, attempt: Attempt) -> None:
        """Let a worker do a job that has what it needs."""
        declared = [one["resources"] for one in self._workers()]
        if not declared:  # lost since it was asked who is free
            self._not_given.append(attempt)
            return
        n_jobs = self._how.n_jobs or cores(declared)
        asked = demand(
            self._steps[attempt.job.steps[0]],
            declared,
            extracts=attempt.job.extracts,
            device=self._how.device,
            n_jobs=n_jobs,
        )
        try:
            future = self._client.submit(
                _do,
                self._order,
                attempt,
                n_jobs,
                key=f"{NAME}-{self._order.run}-{attempt.number}-{attempt.tries}",
                resources=asked,
                priority=-attempt.number,
                pure=False,
            )
        except Exception:
            if self._client.status == "running":
                raise
            self._not_given.append(attempt)  # the scheduler was lost just now
            return
        self._under_way[future.key] = attempt, future
        future.add_done_callback(self._ended.put)

    # --- taking in

    def next(self, timeout: float | None) -> tuple[Attempt, Outcome] | None:
        """Return a job that has ended; None if none has for a while."""
        self._look()
        if self._not_given:
            return self._not_given.pop(), Outcome(trouble=_WITHDRAWN)
        try:
            future = self._ended.get(timeout=LOOK if timeout is None else min(timeout, LOOK))
        except queue.Empty:
            return None
        attempt, _ = self._under_way.pop(future.key)
        begun = self._order.begun(attempt)
        outcome = _outcome(future, begun=begun.exists)
        with contextlib.suppress(OSError):
            begun.unlink(missing_ok=True)
        return attempt, outcome

    def _look(self) -> None:
        """Wait for the scheduler if it was lost; say so if there are no workers."""
        if self._client.status != "running":
            log.warning("the scheduler was lost; what is under way will be given out again")
            self._client = self._reached(self._client)
        now = time.monotonic()
        if not self._workers() and now >= self._said:
            log.warning("the cluster has no workers yet; waiting for the first")
            self._said = now + SAY_AGAIN

    def _reached(self, before: Client | None) -> Client:
        """Return a client that is connected: the one before, if it comes back, or a new one."""
        deadline = time.monotonic() + self._patience
        while True:
            if before is not None and before.status == "running":
                return before
            if before is None or before.status == "closed":
                try:
                    return self._connect()
                except OSError as error:
                    if before is None or time.monotonic() > deadline:
                        raise ClusterError(
                            f"no scheduler can be reached ({error}); expected one that runs. What "
                            "is finished is kept: the same command goes on"
                        ) from error
            time.sleep(BETWEEN)

    def go_home(self) -> None:
        """Take back what is not done."""
        with contextlib.suppress(Exception):  # the cluster may be what failed
            self._client.cancel([future for _, future in self._under_way.values()], force=True)
            self._client.close(timeout=5)
        self._order.close()


def _outcome(future: Future, *, begun: Callable[[], bool]) -> Outcome:
    """Return how a job ended; ``begun`` says whether any worker had begun with it."""
    if future.status == "finished":
        try:
            outcome: Outcome = future.result()
        except (CancelledError, OSError):  # lost between its end and its way here
            return Outcome(trouble=_WITHDRAWN)
        return outcome
    if future.status == "error":
        return Outcome(trouble=_trouble(future.exception(), begun=begun))
    return Outcome(trouble=_WITHDRAWN)


def _trouble(error: BaseException, *, begun: Callable[[], bool]) -> Trouble:
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        if not begun():  # Dask counts those, too, that only lay ready on a worker that died
            return Trouble("withdrawn", "the processes that were to do it died before")
        return Trouble(
            "lost",
            f"the processes that did it died ({error.allowed_failures + 1} in a row): by "
            "themselves, or ended by the system, as when memory is not enough",
        )
    if isinstance(error, Exception):
        return trouble_of(error)
    raise error


def _do(order: remote.Order, attempt: Attempt, n_jobs: int) -> Outcome:
    """Do a job in a Dask worker."""
    from distributed import get_worker

    has = get_worker().state.total_resources
    if MEMORY in has and GPU not in has:  # drivers of GPUs map memory that they never use
        remote.limit_memory(has[MEMORY])
    return remote.do(order, attempt, n_jobs)
