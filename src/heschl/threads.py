"""Threads: over independent pieces of work, with one BLAS thread each; and those of torch.

Several BLAS threads on a busy machine cost more than they give (measured: 15 times slower); the
pieces run side by side instead, and their partition never depends on the number of threads, so
that results are the same to the bit whatever that number is.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

from threadpoolctl import threadpool_limits

from heschl.errors import UsageError

ItemT = TypeVar("ItemT")
OutT = TypeVar("OutT")


def n_threads(requested: int | None = None) -> int:
    """Return the number of threads to use: ``requested``, or every core this process may use."""
    if requested is not None:
        if requested < 1:
            raise UsageError(f"n_jobs is {requested}; expected a whole number of at least 1")
        return requested
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: with several, the last digits of products depend on how many."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@contextlib.contextmanager
def torch_threads(n_jobs: int | None) -> Iterator[None]:
    """Let torch use so many threads on a CPU while the block runs.

    The last digits of a network depend on their number.

    Parameters
    ----------
    n_jobs : int or None
        None leaves it to torch. So does a torch that nothing has imported yet.
    """
    torch = sys.modules.get("torch")
    if n_jobs is None or torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(n_jobs)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_threads(
    work: Callable[[ItemT], OutT], items: Iterable[ItemT], *, n_jobs: int | None = None
) -> Iterator[OutT]:
    """Yield ``work(item)`` of every item as they finish (not in order), BLAS held to one thread.

    At most two items a thread are under way or waiting to be taken, so a generator of large items
    stays lazy. The first error, or the consumer's stopping, cancels what has not started.
    """
    jobs = n_threads(n_jobs)
    todo = iter(items)
    with threadpool_limits(limits=1), ThreadPoolExecutor(jobs) as pool:
        running: set[Future[OutT]] = {pool.submit(work, item) for item in islice(todo, 2 * jobs)}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    out = future.result()
                    running |= {pool.submit(work, item) for item in islice(todo, 1)}
                    yield out
        finally:
            for future in running:
                future.cancel()


def map_threads(
    work: Callable[[ItemT], OutT], items: Iterable[ItemT], *, n_jobs: int | None = None
) -> Iterator[OutT]:
    """Yield ``work(item)`` of every item in order, for work that uses one core: reading, hashing.

    At most two items a thread are under way or waiting to be taken. The first error in the order of
    the items, or the consumer's stopping, cancels what has not started.
    """
    jobs = n_threads(n_jobs)
    todo = iter(items)
    with ThreadPoolExecutor(jobs) as pool:
        running = deque(pool.submit(work, item) for item in islice(todo, 2 * jobs))
        try:
            while running:
                out = running.popleft().result()
                running.extend(pool.submit(work, item) for item in islice(todo, 1))
                yield out
        finally:
            for future in running:
                future.cancel()
