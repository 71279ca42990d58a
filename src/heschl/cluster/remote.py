"""What happens in a worker: a job is done there as in any other process."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import logging
import platform
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from heschl import results, store
from heschl.errors import HeschlWarning
from heschl.studies.desk import Desk, Running
from heschl.studies.jobs import Attempt, Outcome, Trouble
from heschl.studies.reading import StudyFile, parse_study

#: Folder in that of a study with its file as it was when a run began.
SAID = "said"
#: Share of a worker's memory that its jobs may take before they are refused more: an error that is
#: told, where the system, or Dask at 95 %, would end the process.
USABLE = 0.9

log = logging.getLogger("heschl")
_mine = threading.local()


@dataclass(frozen=True)
class Order:
    """What every job of a study needs to know.

    Attributes
    ----------
    path : Path
        Of the study file: names in it are relative to its folder.
    digest : str
        Of its text, a copy of which is in the folder of the study.
    folder : Path
    how : Running
    environment : mapping of str to str
        Versions of the process that gives out jobs.
    """

    path: Path
    digest: str
    folder: Path
    how: Running
    environment: Mapping[str, str]

    @property
    def said(self) -> Path:
        """Where the copy of the study file is."""
        return self.folder / SAID / f"{self.digest}.yaml"


def make_order(file: StudyFile, folder: Path, how: Running) -> Order:
    """Return the order of a study, after its file was copied to where workers read it.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    digest = hashlib.sha256(file.text.encode()).hexdigest()[:16]
    path, folder = file.path.resolve(), folder.resolve()
    order = Order(
        path, digest, folder, dataclasses.replace(how, show_progress=False), results.environment()
    )
    store.write_text(order.said, file.text)
    return order


def do(order: Order, attempt: Attempt, n_jobs: int | None) -> Outcome:
    """Do a job in the process that this runs in.

    Parameters
    ----------
    order : Order
    attempt : Attempt
    n_jobs : int or None
        Threads; those of the order by default.

    Returns
    -------
    Outcome
        With the warnings that are for the user; what went wrong is in it.
    """
    where = platform.node()
    trouble = _refusal(order, where)
    if trouble is not None:
        return Outcome(trouble=trouble, where=where)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", HeschlWarning)
        outcome = _desk(order, n_jobs).do(attempt)
    for one in heard:
        if not issubclass(one.category, HeschlWarning):
            log.warning("%s: %s", one.category.__name__, one.message)
    said = tuple(str(one.message) for one in heard if issubclass(one.category, HeschlWarning))
    return dataclasses.replace(outcome, warnings=tuple(dict.fromkeys(said)), where=where)


def _refusal(order: Order, where: str) -> Trouble | None:
    """Say why jobs of a study cannot be done here."""
    mine = results.environment()
    other = {name: mine.get(name) for name, it in order.environment.items() if mine.get(name) != it}
    if other:
        theirs = {name: order.environment[name] for name in other}
        return Trouble("lasting", f"{where}: has {other}; expected {theirs} as where the run began")
    if not order.said.is_file():
        return Trouble(
            "temporary",  # network file systems may take a while to show what is new
            f"{where}: {order.said} is not there; expected the study's folder on a file system "
            "that all workers share",
        )
    return None


def _desk(order: Order, n_jobs: int | None) -> Desk:
    """Return this thread's desk, which stays as long as jobs are of one study."""
    key = order, n_jobs
    if getattr(_mine, "key", None) != key:
        _mine.desk = None  # what it holds, before another is made
        how = order.how if n_jobs is None else dataclasses.replace(order.how, n_jobs=n_jobs)
        file = parse_study(order.path, order.said.read_text(encoding="utf-8"))
        _mine.desk, _mine.key = Desk(file, order.folder, how), key
    desk: Desk = _mine.desk
    return desk


def limit_memory(n_bytes: float) -> None:
    """Let this process be refused memory before the machine has none left; on Linux.

    Private memory that can be written is counted (``RLIMIT_DATA``). Nothing is done where the
    process has more than that already: libraries may reserve what they never use.
    """
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        now = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) * 1024
        limit, (_, hard) = int(USABLE * n_bytes), resource.getrlimit(resource.RLIMIT_DATA)
        if now < limit and (hard == resource.RLIM_INFINITY or limit < hard):
            resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
