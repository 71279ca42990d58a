"""What happens in a worker: a job is done there as in any other process, one at a time.

A worker may live long and serve many runs. Nothing that was loaded for one of them, modules and
data of users included, is there for the next: they may have been changed meanwhile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import logging
import platform
import secrets
import shutil
import sys
import sysconfig
import threading
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from heschl import process, store
from heschl.errors import HeschlError, HeschlWarning
from heschl.studies.desk import Desk, Running
from heschl.studies.jobs import Attempt, Outcome, Trouble
from heschl.studies.keys import versions
from heschl.studies.names import users_folders
from heschl.studies.reading import StudyFile, parse_study
from heschl.studies.troubles import trouble_of

#: Folder in that of a study with its file as it was when a run began.
SAID = "said"
#: Share of a worker's memory that its jobs may take before they are refused more: an error that is
#: told, where the system, or Dask at 95 %, would end the process.
USABLE = 0.9

NAME = __name__.partition(".")[0]
log = logging.getLogger("heschl")
_alone = threading.Lock()
_desks: dict[tuple[Order, int | None], Desk] = {}


@dataclass(frozen=True)
class Order:
    """What every job of a run needs to know.

    Attributes
    ----------
    path : Path
        Of the study file: names in it are relative to its folder.
    digest : str
        Of its text, a copy of which is in the folder of the study.
    folder : Path
    how : Running
    versions : tuple of (str, str)
        What the process that gives out jobs has, on which results depend.
    run : str
        Tells this run from others.
    """

    path: Path
    digest: str
    folder: Path
    how: Running
    versions: tuple[tuple[str, str], ...]
    run: str

    @property
    def said(self) -> Path:
        """Where the copy of the study file is."""
        return self.folder / SAID / f"{self.digest}.yaml"

    def begun(self, attempt: Attempt) -> Path:
        """Return the file that says that a worker began with an attempt."""
        return self._begun / f"{attempt.number}-{attempt.tries}"

    @property
    def _begun(self) -> Path:
        return self.folder / SAID / f".begun-{self.run}"

    def close(self) -> None:
        """Remove what only the run under way needs."""
        shutil.rmtree(self._begun, ignore_errors=True)


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
        path,
        digest,
        folder,
        dataclasses.replace(how, show_progress=False),
        tuple(versions().items()),
        secrets.token_hex(8),
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
    # neither torch's threads nor warnings nor the path of modules are of one thread
    with _alone, warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", HeschlWarning)
        try:
            outcome = _begin(order, attempt, n_jobs).do(attempt)
        except (HeschlError, OSError) as error:  # before the job itself
            outcome = Outcome(trouble=trouble_of(error))
    for one in heard:
        if not issubclass(one.category, HeschlWarning):
            log.warning("%s: %s", one.category.__name__, one.message)
    said = tuple(str(one.message) for one in heard if issubclass(one.category, HeschlWarning))
    return dataclasses.replace(outcome, warnings=tuple(dict.fromkeys(said)), where=where)


def _refusal(order: Order, where: str) -> Trouble | None:
    """Say why jobs of a study cannot be done here."""
    mine, theirs = versions(), dict(order.versions)
    other = {name: mine.get(name) for name, it in theirs.items() if mine.get(name) != it}
    if other:
        theirs = {name: theirs[name] for name in other}
        return Trouble("lasting", f"{where}: has {other}; expected {theirs} as where the run began")
    if not order.said.is_file():
        return Trouble(
            "temporary",  # network file systems may take a while to show what is new
            f"{where}: {order.said} is not there; expected the study's folder on a file system "
            "that all workers share",
        )
    return None


def _begin(order: Order, attempt: Attempt, n_jobs: int | None) -> Desk:
    """Say that an attempt begins; return this process's desk, which stays during a run."""
    begun = order.begun(attempt)
    with store.writing(begun):
        begun.parent.mkdir(parents=True, exist_ok=True)
        begun.touch()
    key = order, n_jobs
    if key not in _desks:
        same_run = any(order == other for other, _ in _desks)
        _desks.clear()  # what it holds, before another is made
        how = order.how if n_jobs is None else dataclasses.replace(order.how, n_jobs=n_jobs)
        file = parse_study(order.path, order.said.read_text(encoding="utf-8"))
        if not same_run:
            _forget_modules(file)
        _desks[key] = Desk(file, order.folder, how)
    return _desks[key]


def _forget_modules(file: StudyFile) -> None:
    """Let users' modules be imported again: an earlier run may have had another version."""
    importlib.invalidate_caches()
    folders = set(users_folders(file)) - {Path(one) for one in sysconfig.get_paths().values()}
    firsts = {name.partition(".")[0] for name in sys.modules} - {NAME}
    users = {name for name in firsts if _lies_in(sys.modules.get(name), folders)}
    for name in list(sys.modules):
        if name.partition(".")[0] in users:
            del sys.modules[name]


def _lies_in(module: ModuleType | None, folders: Collection[Path]) -> bool:
    """Whether a module or package is found in one of some folders."""
    source = getattr(module, "__file__", None)
    packages = list(getattr(module, "__path__", ()))  # of a package without __init__.py, too
    places = packages or ([] if source is None else [source])
    return any(Path(place).parent in folders for place in places)


def limit_memory(n_bytes: float) -> None:
    """Let this process be refused memory before the machine has none left; on Linux.

    Private memory that can be written is counted (``RLIMIT_DATA``), less what is only reserved when
    this is called, as libraries do for threads: a gigabyte and more.
    """
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        has, uses = process.memory("VmData"), process.memory("VmRSS")
        if has is None or uses is None:
            return
        limit = int(USABLE * n_bytes) + max(0, has - uses)
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if has < limit and (hard == resource.RLIM_INFINITY or limit < hard):
            resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
