"""How long a study takes on a cluster: it is carried out on paper.

What is given out when is decided by `Carrying`, as in a run. Here a job takes the time of its cost
on workers that have cores, memory and maybe a GPU, and that share one file system; the process of
the user takes in one end after the other. Nothing fails, and workers are there from the beginning.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence

from heschl.errors import UsageError
from heschl.studies.carrying import Carrying
from heschl.studies.costs import Cost, Pace
from heschl.studies.crew import AHEAD
from heschl.studies.forecast.terms import Conditions, Forecast, Piece, Worker
from heschl.studies.jobs import Attempt, Extracted, Job, Outcome


def forecast(
    jobs: Sequence[Job],
    pieces: Sequence[Piece],
    workers: Sequence[Worker],
    conditions: Conditions,
    *,
    there: frozenset[int] = frozenset(),
) -> Forecast:
    """Carry jobs out on paper.

    Parameters
    ----------
    jobs : sequence of Job
        As `heschl.studies.jobs.jobs_of` returns them.
    pieces : sequence of Piece
        What each takes.
    workers : sequence of Worker
    conditions : Conditions
    there : frozenset of int, optional
        Steps whose results are there.

    Returns
    -------
    Forecast

    Raises
    ------
    UsageError
        If there are no workers, or not as many pieces as jobs.
    """
    if not workers:
        raise UsageError("no workers; expected at least one")
    if len(pieces) != len(jobs):
        raise UsageError(f"{len(pieces)} pieces of {len(jobs)} jobs; expected one for each")
    return _Paper(jobs, pieces, workers, conditions, there).carry_out()


class _Hand:
    """A worker while the study is carried out."""

    def __init__(self, worker: Worker, conditions: Conditions) -> None:
        self.worker = worker
        gpu_speed = conditions.gpu_speed if worker.gpu else 0.0
        self.paces = {
            True: Pace(worker.cores, conditions.core_speed, gpu_speed),
            False: Pace(worker.cores, conditions.core_speed),
        }
        self.model = ""
        self.data: set[str] = set()
        self.busy = self.network = self.used = 0.0  # seconds, of a GPU, of cores

    def takes(self, piece: Piece) -> Cost:
        """Return what a job takes here, with what it has to bring, which is at hand from now on."""
        cost = piece.cost
        if piece.model and piece.model != self.model:
            cost, self.model = cost + piece.loading, piece.model
        if piece.data and piece.data not in self.data:
            cost = cost + piece.opening
            self.data.add(piece.data)
        return cost


class _Paper:
    """A study that is carried out on paper."""

    def __init__(
        self,
        jobs: Sequence[Job],
        pieces: Sequence[Piece],
        workers: Sequence[Worker],
        conditions: Conditions,
        there: frozenset[int],
    ) -> None:
        self._now = 0.0
        self._jobs, self._pieces, self._conditions, self._there = jobs, pieces, conditions, there
        self._carrying = Carrying(jobs, clock=lambda: self._now)
        self._hands = [_Hand(worker, conditions) for worker in workers]
        self._idle = list(range(len(workers)))
        self._gpus = any(worker.gpu for worker in workers)
        self._most = [
            max((w.memory or float("inf") for w in workers if w.gpu or not needed), default=0.0)
            for needed in (False, True)
        ]
        self._paces = [
            {hand.paces[needed] for hand in self._hands if hand.worker.gpu or not needed}
            for needed in (False, True)
        ]
        self._given = self._n_done = 0
        self._pending: list[tuple[int, Attempt]] = []
        self._events: list[tuple[float, int, str, int, Attempt, Cost]] = []
        self._count = itertools.count()
        self._files_free = self._user_free = 0.0
        self._moved = 0.0

    def carry_out(self) -> Forecast:
        self._now = self._user_free = self._files_free = self._conditions.start
        while not self._carrying.over:
            self._give()
            self._take_up()
            self._now, _, what, hand, attempt, cost = heapq.heappop(self._events)
            getattr(self, f"_{what}")(hand, attempt, cost)
        return self._told()

    def _later(self, at: float, what: str, hand: int, attempt: Attempt, cost: Cost) -> None:
        heapq.heappush(self._events, (at, next(self._count), what, hand, attempt, cost))

    # --- giving out

    def _give(self) -> None:
        while self._given < AHEAD * len(self._hands):
            attempt = self._carrying.next()
            if attempt is None:
                return
            self._given += 1
            heapq.heappush(self._pending, (attempt.number, attempt))

    def _take_up(self) -> None:
        """Let idle workers take what is pending, the earliest first."""
        left = []
        while self._pending and self._idle:
            number, attempt = heapq.heappop(self._pending)
            hand = self._fitting(self._pieces[number])
            if hand is None:
                left.append((number, attempt))
            else:
                self._idle.remove(hand)
                self._begin(hand, attempt)
        for one in left:
            heapq.heappush(self._pending, one)

    def _fitting(self, piece: Piece) -> int | None:
        """Return an idle worker that has what a job asks for; GPUs are kept for what needs them."""
        needs_gpu = self._asks_for_gpu(piece)
        asked = min(piece.cost.memory, self._most[needs_gpu])
        fitting = [
            place
            for place in self._idle
            if (worker := self._hands[place].worker).gpu >= needs_gpu
            and (worker.memory is None or worker.memory >= asked)
        ]
        return min(fitting, key=lambda place: self._hands[place].worker.gpu, default=None)

    def _asks_for_gpu(self, piece: Piece) -> bool:
        return self._gpus and piece.on_gpu

    # --- what happens, one thing after the other

    def _begin(self, hand: int, attempt: Attempt) -> None:
        cost = self._hands[hand].takes(self._pieces[attempt.number])
        self._hands[hand].busy -= self._now
        self._later(self._transferred(cost.read), "compute", hand, attempt, cost)

    def _compute(self, place: int, attempt: Attempt, cost: Cost) -> None:
        hand, on_gpu = self._hands[place], self._pieces[attempt.number].on_gpu
        pace = hand.paces[on_gpu]
        hand.used += cost.serial + cost.parallel
        if pace.gpu_speed:
            hand.network += cost.network_seconds_at(pace)
        else:
            hand.used += cost.network_seconds_at(pace) * pace.cores
        self._later(self._now + cost.seconds_at(pace), "write", place, attempt, cost)

    def _write(self, hand: int, attempt: Attempt, cost: Cost) -> None:
        self._later(self._transferred(cost.disk), "end", hand, attempt, cost)

    def _end(self, hand: int, attempt: Attempt, cost: Cost) -> None:
        self._hands[hand].busy += self._now
        self._idle.append(hand)
        self._user_free = max(self._now, self._user_free) + self._conditions.decision
        self._later(self._user_free, "take_in", hand, attempt, cost)

    def _take_in(self, hand: int, attempt: Attempt, cost: Cost) -> None:
        self._given, self._n_done = self._given - 1, self._n_done + 1
        result: Extracted | str = "result"
        if attempt.job.extracts:
            steps = attempt.job.steps
            result = Extracted(dict.fromkeys(steps, "result"), self._there.intersection(steps))
        self._carrying.take(attempt, Outcome(result))

    def _transferred(self, n_bytes: float) -> float:
        """Return when bytes are through: one transfer after the other, in the order asked for."""
        self._moved += n_bytes
        if n_bytes == 0:
            return self._now
        began = max(self._now, self._files_free)
        self._files_free = began + n_bytes / self._conditions.bandwidth
        return self._files_free

    # --- what it comes to

    def _told(self) -> Forecast:
        seconds, start = self._now, self._conditions.start
        span = seconds - start
        gpus = sum(hand.worker.gpu for hand in self._hands)
        cores = sum(hand.worker.cores for hand in self._hands)
        busy = sum(hand.busy for hand in self._hands)
        used = sum(hand.used for hand in self._hands)
        network = sum(hand.network for hand in self._hands)
        return Forecast(
            seconds,
            self._n_done,
            len(self._hands),
            busy=_share(busy, span * len(self._hands)),
            gpus=_share(network, span * gpus),
            cores=_share(used, span * cores),
            core_seconds=used + start * len(self._hands),
            bytes_moved=self._moved,
            memory=max((piece.cost.memory for piece in self._pieces), default=0.0),
            too_large=sum(self._is_too_large(piece) for piece in self._pieces),
            bounds={name: start + value for name, value in self._bounds(gpus).items() if value},
        )

    def _is_too_large(self, piece: Piece) -> bool:
        return piece.cost.memory > self._most[self._asks_for_gpu(piece)]

    def _bounds(self, n_gpus: int) -> dict[str, float]:
        """Return lower bounds, each as if nothing else took time."""
        alone = [self._alone(piece) for piece in self._pieces]
        chains = [
            alone[number] + (0.0 if job.after is None else alone[job.after])
            for number, job in enumerate(self._jobs)
        ]
        on_gpus = [
            seconds
            for seconds, piece in zip(alone, self._pieces, strict=True)
            if self._asks_for_gpu(piece)
        ]
        return {
            "longest chain": max(chains, default=0.0),
            "GPUs": sum(on_gpus) / n_gpus if n_gpus else 0.0,
            "workers": sum(alone) / len(self._hands),
            "file system": self._moved / self._conditions.bandwidth,
            "decisions": self._n_done * self._conditions.decision,
        }

    def _alone(self, piece: Piece) -> float:
        """Return the seconds of a job on the worker that is fastest for it, all at hand."""
        gpu = self._asks_for_gpu(piece)
        return min(piece.cost.seconds_at(pace) for pace in self._paces[gpu])


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
