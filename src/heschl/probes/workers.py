"""Threads of torch: on a CPU several pieces of work side by side, each on one core.

As everywhere in heschl (see `heschl.threads`): threads inside of an operation wait for each other,
which on a busy machine costs many times more than they give, and results would depend on their
number. On a GPU there is one piece of work at a time, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

import torch

from heschl.threads import n_threads

ItemT = TypeVar("ItemT")
OutT = TypeVar("OutT")


class Workers:
    """Where pieces of work run; used as a context.

    Parameters
    ----------
    device : str
    n_jobs : int, optional
        Threads on a CPU; every core by default.
    """

    def __init__(self, device: str, n_jobs: int | None = None) -> None:
        self.on_cpu = torch.device(device).type == "cpu"
        self._n_jobs = n_threads(n_jobs)
        self._n_before = 0
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self.on_cpu:
            self._n_before = torch.get_num_threads()
            torch.set_num_threads(1)
            self._pool = ThreadPoolExecutor(
                self._n_jobs, "probes", initializer=torch.set_num_threads, initargs=(1,)
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
            torch.set_num_threads(self._n_before)

    def map(self, work: Callable[[ItemT], OutT], items: Iterable[ItemT]) -> Iterator[OutT]:
        """Return an iterator over what ``work`` returns for each item, in their order."""
        return map(work, items) if self._pool is None else self._pool.map(work, items)
