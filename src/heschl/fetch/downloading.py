"""All files of a plan, a few at a time; the first error or Ctrl-C stops the others."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import requests

from heschl._version import __version__
from heschl.errors import OfflineError
from heschl.fetch.archives import MemberDownload, Survey, TarStream, survey
from heschl.fetch.arrival import Arrival, Progress
from heschl.fetch.asking import Asking
from heschl.fetch.planning import FetchPlan, RemoteFile, is_offline
from heschl.fetch.transfer import FileDownload
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
    with requests.Session() as session:
        session.headers["User-Agent"] = USER_AGENT
        # Compressed transfers would make ranges and lengths mean something else.
        session.headers["Accept-Encoding"] = "identity"
        stop = threading.Event()
        asking = Asking(session, waits, stop)
        plan, surveys = _survey(plan, asking)
        with _progress(plan, surveys, show=show) as progress:
            _run_all(_jobs(plan, surveys, asking, progress), stop)
    return plan.folder


def _survey(plan: FetchPlan, asking: Asking) -> tuple[FetchPlan, dict[str, Survey]]:
    """Find members in their tars; return also the plan with their sizes."""
    surveys = {
        url: survey(url, files, plan.name, asking) for url, files in _by_archive(plan).items()
    }
    files = tuple(
        replace(planned, file=surveys[planned.file.url].sized(planned.file))
        if planned in plan.todo and planned.file.member is not None
        else planned
        for planned in plan.files
    )
    return replace(plan, files=files), surveys


def _by_archive(plan: FetchPlan) -> dict[str, list[RemoteFile]]:
    """Members to be brought, under the addresses of their tars."""
    found: dict[str, list[RemoteFile]] = {}
    for planned in plan.todo:
        if planned.file.member is not None:
            found.setdefault(planned.file.url, []).append(planned.file)
    return found


def _jobs(
    plan: FetchPlan, surveys: Mapping[str, Survey], asking: Asking, progress: Progress
) -> list[Arrival | TarStream]:
    """One job for each file, but one for all members of a tar that comes only as a whole."""
    jobs: list[Arrival | TarStream] = [
        FileDownload(plan, planned.file, asking, progress)
        for planned in plan.todo
        if planned.file.member is None
    ]
    for url, files in _by_archive(plan).items():
        places = surveys[url].places
        if places is None:
            jobs.append(TarStream(plan, files, asking, progress))
        else:
            jobs += [
                MemberDownload(plan, file, asking, progress, places[str(file.member)])
                for file in files
            ]
    return jobs


def _run_all(jobs: Sequence[Arrival | TarStream], stop: threading.Event) -> None:
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
        f"come from {plan.todo[0].file.origin}{' and so on' if more else ''}, but HESCHL_OFFLINE "
        f"is set. Give a local copy with `heschl fetch {plan.name} --from PATH`, or unset "
        "HESCHL_OFFLINE"
    )


@contextlib.contextmanager
def _progress(plan: FetchPlan, surveys: Mapping[str, Survey], *, show: bool) -> Iterator[Progress]:
    n_bytes = _n_bytes(plan, surveys)
    total, unit = float(len(plan.todo)), "files"
    if n_bytes is not None:
        total, unit = n_bytes / 1e6, "MB"
    with bar(f"Downloading {plan.name}", total, unit, show=show) as advance:
        yield Progress(advance, n_bytes is not None)


def _n_bytes(plan: FetchPlan, surveys: Mapping[str, Survey]) -> int | None:
    """Bytes to receive: a tar that comes as a whole counts as a whole."""
    whole = {url: found.size for url, found in surveys.items() if found.places is None}
    sizes = [
        *whole.values(),
        *(p.n_bytes for p in plan.todo if p.file.member is None or p.file.url not in whole),
    ]
    return None if None in sizes else sum(size for size in sizes if size is not None)
