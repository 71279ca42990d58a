"""The command ``heschl worker``: workers for a scheduler, kept alive until they are told to stop.

Dask's own worker ends when its scheduler does. These are started again, and wait for the next
scheduler at the same address.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from heschl.cluster import settings
from heschl.cluster.starting import check_certificates, needs_dask
from heschl.cluster.supplies import Supply
from heschl.errors import UsageError

#: Seconds before a worker that ended is started again: the first time, and at most.
SOON, LATE = 1.0, 60.0
#: A worker that lived so long, in seconds, had started well.
WELL = 60.0
#: Seconds in which a worker gives up to find a scheduler; another one is started then.
DEATH_TIMEOUT = 60
#: Seconds between two looks at the workers, and in which they may end by themselves.
LOOK, ENDING = 0.5, 10.0

log = logging.getLogger("heschl")


def serve(address: str, supply: Supply, n_processes: int = 1) -> None:
    """Run workers until this process is interrupted or terminated.

    Parameters
    ----------
    address : str
        Of the scheduler, as ``tcp://HOST:PORT``.
    supply : Supply
        What each of them has. With GPUs, each has one of its own.
    n_processes : int, optional

    Raises
    ------
    MissingDependencyError
        If Dask is not installed.
    ClusterError
        If the address is encrypted, and no certificates are known.
    UsageError
        If there are more processes with a GPU than GPUs that may be used.
    """
    try:
        import distributed  # noqa: F401
    except ModuleNotFoundError as error:
        raise needs_dask(error) from error
    check_certificates(address, "worker")
    keepers = [
        _Keeper(command(address, supply), _surroundings(supply, i)) for i in range(n_processes)
    ]
    with _terminated_as_interrupted():
        try:
            while True:
                for keeper in keepers:
                    keeper.look()
                time.sleep(LOOK)
        finally:
            for keeper in keepers:
                keeper.tell_to_end()
            deadline = time.monotonic() + ENDING
            for keeper in keepers:
                keeper.end(deadline)


def command(address: str, supply: Supply) -> list[str]:
    """Return the command of one worker."""
    memory = "0" if supply.memory is None else str(supply.memory)
    return [
        *(sys.executable, "-m", "distributed.cli.dask_worker", address),
        *("--nworkers", "1", "--nthreads", "1", "--no-dashboard"),
        *("--memory-limit", memory, "--resources", supply.argument()),
        *("--death-timeout", str(DEATH_TIMEOUT)),
    ]


def _surroundings(supply: Supply, number: int) -> dict[str, str]:
    """Return the environment of a worker: its threads, its GPU, no waiting for memory."""
    found = settings.of_libraries(supply.cores) | dict(os.environ) | settings.of_dask()
    if supply.gpus:
        found["CUDA_VISIBLE_DEVICES"] = _gpu(number)
    return found


def _gpu(number: int) -> str:
    """Return what a worker's own GPU is called."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if not told:
        return str(number)
    visible = told.split(",")
    if number >= len(visible):
        raise UsageError(
            f"CUDA_VISIBLE_DEVICES is {told!r}: no GPU for process {number + 1}; expected at most "
            f"--processes {len(visible)}, or more GPUs"
        )
    return visible[number]


@dataclass
class _Keeper:
    """Keeps one worker alive."""

    command: Sequence[str]
    surroundings: dict[str, str] = field(repr=False)
    _process: subprocess.Popen[bytes] | None = None
    _wait: float = SOON
    _began: float = 0.0
    _due: float = 0.0

    def look(self) -> None:
        """Start the worker, or start it again."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._due:
                self._process = subprocess.Popen(self.command, env=self.surroundings)  # noqa: S603
                self._began = now
            return
        if self._process.poll() is None:
            return
        self._wait = SOON if now - self._began > WELL else min(2 * self._wait, LATE)
        self._due, self._process = now + self._wait, None
        log.warning("a worker ended; the next is started in %.0f s", self._wait)

    def tell_to_end(self) -> None:
        """Let the worker end by itself."""
        if self._process is not None:
            self._process.terminate()

    def end(self, deadline: float) -> None:
        """Wait for the worker to end until some moment, then end it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, by which batch systems end jobs, be as Ctrl-C: the workers are ended, too."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
