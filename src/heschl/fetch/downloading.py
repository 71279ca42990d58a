"""All files of a plan, a few at a time; the first error or Ctrl-C stops the others."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pooch
import requests

from heschl._version import __version__
from heschl.errors import OfflineError
from heschl.fetch.planning import FetchPlan, is_offline
from heschl.fetch.transfer import FileDownload, Progress
from heschl.progress import bar

#: Zenodo refuses clients that do not say who they are.
USER_AGENT = f"heschl/{__version__} (auditory neuroscience benchmark; python-requests)"

#: Seconds before the second, third, ... attempt after a temporary failure.
WAITS = (1.0, 2.0, 4.0, 8.0)

#: Files downloaded at the same time: few, out of courtesy to the servers.
N_AT_ONCE = 4

_SHOWN = 3


def download(plan: FetchPlan, *, waits: Sequence[float] | None = None, show: bool = True) -> Path:
    """Carry out a plan, a few files at a time.

    An interruption or an error leaves finished files and ``.part`` files; the next download goes on
    from there. Several processes may download the same files: one works, the others wait for it.

    Parameters
    ----------
    plan : FetchPlan
    waits : sequence of float, optional
        Seconds before each further attempt after a temporary failure; `WAITS` by default.
    show : bool, optional
        Whether to show a progress bar.

    Returns
    -------
    Path
        The folder of the release; every file in it has its pinned hash. A file of which none is
        known is pinned now, and the user is told.

    Raises
    ------
    OfflineError
        If something is missing and ``HESCHL_OFFLINE`` is set.
    FetchError
        If a server refuses, cannot be reached, or gives other bytes than those published.
    StoreError
        If the folder cannot be written.
    """
    if not plan.todo:
        return plan.folder
    if is_offline():
        raise _offline_error(plan)
    waits = WAITS if waits is None else tuple(waits)
    with _quiet_pooch(), requests.Session() as session, _progress(plan, show=show) as progress:
        session.headers["User-Agent"] = USER_AGENT
        # Compressed transfers would make ranges and lengths mean something else.
        session.headers["Accept-Encoding"] = "identity"
        stop = threading.Event()
        jobs = [FileDownload(plan, p.file, session, waits, stop, progress) for p in plan.todo]
        _run_all(jobs, stop)
    return plan.folder


def _run_all(jobs: Sequence[FileDownload], stop: threading.Event) -> None:
    """Run all downloads; on the first error or Ctrl-C tell the others to stop where they are."""
    with ThreadPoolExecutor(N_AT_ONCE) as pool:
        try:
            for future in as_completed([pool.submit(job.run) for job in jobs]):
                future.result()
        finally:
            stop.set()  # before the pool waits for them
            pool.shutdown(wait=False, cancel_futures=True)


def _offline_error(plan: FetchPlan) -> OfflineError:
    names = [planned.file.path.as_posix() for planned in plan.todo]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return OfflineError(
        f"{plan.summary()}: {', '.join(names[:_SHOWN])}{more} should be in {plan.folder} and would "
        f"come from {plan.todo[0].file.url}{' and so on' if more else ''}, but HESCHL_OFFLINE is "
        f"set. Give a local copy with `heschl fetch {plan.name} --from PATH`, or unset "
        "HESCHL_OFFLINE"
    )


@contextlib.contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Keep pooch from logging every file; the progress bar says it."""
    quiet = logging.Filter("heschl")  # lets records of that name pass, of which pooch has none
    pooch.get_logger().addFilter(quiet)
    try:
        yield
    finally:
        pooch.get_logger().removeFilter(quiet)


@contextlib.contextmanager
def _progress(plan: FetchPlan, *, show: bool) -> Iterator[Progress]:
    total, unit = float(len(plan.todo)), "files"
    if plan.n_bytes is not None:
        total, unit = plan.n_bytes / 1e6, "MB"
    with bar(f"Downloading {plan.name}", total, unit, show=show) as advance:
        yield Progress(advance, plan.n_bytes is not None)
