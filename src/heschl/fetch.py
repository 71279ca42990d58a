"""Downloads: decide what is missing, then bring it; pinned hashes, resume, retries, offline switch.

Built on pooch, which decides by the hash of what is there, verifies what came, and moves it to its
place; its downloader is replaced by one that resumes. Every file grows as ``NAME.part`` beside its
place, so an interrupted download leaves nothing else behind and the next one goes on from there.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

import pooch
import requests

from heschl._version import __version__
from heschl.errors import FetchError, OfflineError, StoreError, UsageError
from heschl.progress import Advance, bar

State = Literal["present", "missing", "damaged"]

#: Zenodo refuses clients that do not say who they are.
USER_AGENT = f"heschl/{__version__} (auditory neuroscience benchmark; python-requests)"

#: Seconds before the second, third, ... attempt after a temporary failure.
WAITS = (1.0, 2.0, 4.0, 8.0)

#: The longest wait, in seconds, that a server may ask for with ``Retry-After``.
LONGEST_WAIT = 60.0

#: Seconds to connect, and of silence before a connection counts as cut.
TIMEOUT = (10.0, 30.0)

#: Files downloaded at the same time: few, out of courtesy to the servers.
N_AT_ONCE = 4

#: Bytes at a time; small, because what came of the last chunk of a cut connection is lost.
_CHUNK = 1 << 13

_TRY_AGAIN = frozenset({408, 425, 429})
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK})
_SHOWN = 3


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes
    ----------
    url : str
        Where it is published.
    path : Path
        Where it belongs, relative to the folder of its release.
    sha256 : str
        Of its bytes: 64 hexadecimal digits.
    size : int or None
        In bytes; None if not known.
    """

    url: str
    path: Path
    sha256: str
    size: int | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise UsageError(
                f"{self.url}: the SHA-256 is {self.sha256!r}; expected 64 lower-case hexadecimal "
                "digits (print them with sha256sum FILE)"
            )
        parts = PurePosixPath(self.path.as_posix()).parts
        if not parts or self.path.is_absolute() or ".." in parts:
            raise UsageError(
                f"{self.url}: belongs at {self.path}; expected a path relative to the folder of "
                "the release and inside it"
            )


@dataclass(frozen=True)
class PlannedFile:
    """A published file, and what is here of it.

    Attributes
    ----------
    file : RemoteFile
    state : {"present", "missing", "damaged"}
        Damaged: there, but with another hash.
    partial : int
        Bytes of an interrupted download, which will be resumed.
    """

    file: RemoteFile
    state: State
    partial: int = 0

    @property
    def n_bytes(self) -> int | None:
        """Bytes to download; None if not known."""
        if self.state == "present":
            return 0
        if self.file.size is None:
            return None
        return max(self.file.size - self.partial, 0)


@dataclass(frozen=True)
class FetchPlan:
    """What a release has, and what of it is to be downloaded.

    Attributes
    ----------
    name : str
        What the user calls the release; ``heschl fetch NAME``.
    folder : Path
        Where its files belong.
    files : tuple of PlannedFile
    """

    name: str
    folder: Path
    files: tuple[PlannedFile, ...] = field(repr=False)

    @property
    def todo(self) -> tuple[PlannedFile, ...]:
        """Files that are missing or damaged."""
        return tuple(planned for planned in self.files if planned.state != "present")

    @property
    def n_bytes(self) -> int | None:
        """Bytes to download; None if the size of a file is not known."""
        sizes = [planned.n_bytes for planned in self.todo]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def summary(self) -> str:
        """Say in one line what is missing, what is damaged, and how much is to be downloaded."""
        counts = [
            f"{sum(planned.state == state for planned in self.files)} {state}"
            for state in ("present", "missing", "damaged")
        ]
        size = "unknown size" if self.n_bytes is None else f"{self.n_bytes / 1e6:.1f} MB"
        return f"{self.name}: {', '.join(counts)} of {len(self.files)} files; {size} to download"


def part_path(path: Path) -> Path:
    """Return where a file grows while it is being downloaded."""
    return path.with_name(path.name + ".part")


def is_offline() -> bool:
    """Whether ``HESCHL_OFFLINE`` forbids downloads; the environment is read at every call."""
    return os.environ.get("HESCHL_OFFLINE", "") not in ("", "0")


def plan(name: str, files: Iterable[RemoteFile], folder: Path) -> FetchPlan:
    """Decide what is to be downloaded, without a request and without a change on disk.

    Parameters
    ----------
    name : str
        What the user calls the release.
    files : iterable of RemoteFile
    folder : Path
        Where they belong; it need not be there.

    Returns
    -------
    FetchPlan
        Every file that is there has been hashed.
    """
    return FetchPlan(name, folder, tuple(_look_at(file, folder) for file in files))


def _look_at(file: RemoteFile, folder: Path) -> PlannedFile:
    path = folder / file.path
    part = part_path(path)
    partial = part.stat().st_size if part.is_file() else 0
    if not path.is_file():
        return PlannedFile(file, "missing", partial)
    if file.size is not None and path.stat().st_size != file.size:
        return PlannedFile(file, "damaged", partial)
    matches = pooch.file_hash(path, alg="sha256") == file.sha256
    return PlannedFile(file, "present" if matches else "damaged", partial)


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
        The folder of the release; every file in it has its pinned hash.

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
        jobs = [_Download(plan, p.file, session, waits, stop, progress) for p in plan.todo]
        _run_all(jobs, stop)
    return plan.folder


def _run_all(jobs: Sequence[_Download], stop: threading.Event) -> None:
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


@dataclass(frozen=True)
class _Progress:
    """One bar over all files: of megabytes, or of files where a size is not known."""

    advance: Advance
    in_bytes: bool

    def received(self, n_bytes: int) -> None:
        if self.in_bytes:
            self.advance(n_bytes / 1e6)

    def finished(self) -> None:
        if not self.in_bytes:
            self.advance(1)


@contextlib.contextmanager
def _progress(plan: FetchPlan, *, show: bool) -> Iterator[_Progress]:
    total, unit = float(len(plan.todo)), "files"
    if plan.n_bytes is not None:
        total, unit = plan.n_bytes / 1e6, "MB"
    with bar(f"Downloading {plan.name}", total, unit, show=show) as advance:
        yield _Progress(advance, plan.n_bytes is not None)


class _TemporaryFailureError(Exception):
    """Something that may work at the next attempt.

    Parameters
    ----------
    reason : str
    wait : float
        Seconds that the server asks to wait.
    """

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _Download:
    """The download of one file; pooch calls it, as a downloader, if the file is needed."""

    def __init__(
        self,
        plan: FetchPlan,
        file: RemoteFile,
        session: requests.Session,
        waits: Sequence[float],
        stop: threading.Event,
        progress: _Progress,
    ) -> None:
        self.name = plan.name
        self.file = file
        self.path = plan.folder / file.path
        self.part = part_path(self.path)
        self.session = session
        self.waits = waits
        self.stop = stop
        self.progress = progress

    def run(self) -> None:
        """Bring the file to its place, unless another process does so meanwhile."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _claimed(self.part, self.stop):
                pooch.retrieve(
                    self.file.url,
                    known_hash=f"sha256:{self.file.sha256}",
                    fname=self.path.name,
                    path=self.path.parent,
                    downloader=self,
                )
        except OSError as error:
            raise StoreError(
                f"cannot write {self.path}: {error.strerror or error}. Free some space or set "
                "HESCHL_HOME to a folder that you may write; the download will be resumed"
            ) from error
        self.progress.finished()

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        """Complete the partial file, verify it, and hand it over under pooch's temporary name."""
        resumed = self._n_received() > 0
        self._complete()
        if resumed and not self._matches():
            self._forget()
            self._complete()
        if not self._matches():
            found, size = pooch.file_hash(self.part, alg="sha256"), self._n_received()
            self._forget()
            raise self._error(
                f"{size} bytes with SHA-256 {found} came; expected SHA-256 {self.file.sha256}. "
                "The file there is not the published one, or something on the way (a proxy, a "
                "login page) altered it; nothing was kept"
            )
        self.part.replace(output_file)

    def _n_received(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _matches(self) -> bool:
        return bool(pooch.file_hash(self.part, alg="sha256") == self.file.sha256)

    def _forget(self) -> None:
        """Empty the partial file; it stays the same file, because that one is claimed."""
        self.progress.received(-self._n_received())
        with self.part.open("wb"):
            pass

    def _complete(self) -> None:
        """Receive what is missing of the partial file; try again after temporary failures."""
        for wait in (*self.waits, None):
            try:
                self._receive()
                break
            except _TemporaryFailureError as failure:
                if wait is None:
                    raise self._error(
                        f"{failure}, also after {len(self.waits)} more attempts. Try again later; "
                        f"the {self._n_received()} bytes that came are kept and it goes on there"
                    ) from failure
                if self.stop.wait(max(wait, failure.wait)):
                    raise CancelledError from failure

    def _receive(self) -> None:
        """Make one request, for the bytes that are missing, and append them."""
        start = self._n_received()
        if self.file.size is not None and start >= self.file.size:
            return  # whole, or damaged: the hash tells
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self.session.get(
                self.file.url, headers=headers, stream=True, timeout=TIMEOUT
            ) as response:
                if start and response.status_code == 416:
                    return  # the server has no more than is here: the hash tells
                self._check_status(response)
                self._append(response, start)
        except requests.exceptions.SSLError as error:
            raise self._error(f"no secure connection ({error})") from error
        except (
            requests.exceptions.ConnectionError,
            requests.exceptions.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            raise _TemporaryFailureError(f"the connection failed ({error})") from error
        except requests.exceptions.RequestException as error:
            raise self._error(f"the request failed ({error})") from error

    def _check_status(self, response: requests.Response) -> None:
        status = response.status_code
        said = f"the server answered {status} {response.reason}"
        if status in _TRY_AGAIN or status >= 500:
            raise _TemporaryFailureError(said, _asked_wait(response))
        if status not in (200, 206):
            raise self._error(f"{said}; expected the file. It may have been moved or withdrawn")

    def _append(self, response: requests.Response, start: int) -> None:
        goes_on = start > 0 and _continues(response, start)
        total = _announced_size(response, start if goes_on else 0)
        if None not in (total, self.file.size) and total != self.file.size:
            raise self._error(
                f"the server offers {total} bytes; the published file has {self.file.size}. "
                "Something on the way (a proxy, a login page) may answer in its place"
            )
        if start and not goes_on:
            self._forget()
        with self.part.open("ab") as handle:
            for chunk in response.iter_content(_CHUNK):
                if self.stop.is_set():
                    raise CancelledError
                handle.write(chunk)
                self.progress.received(len(chunk))
        if self.file.size is not None and self._n_received() < self.file.size:
            raise _TemporaryFailureError(
                f"the connection ended after {self._n_received()} of {self.file.size} bytes"
            )

    def _error(self, reason: str) -> FetchError:
        return FetchError(
            f"{self.file.url}: {reason}. If you have a copy of the release, give it with "
            f"`heschl fetch {self.name} --from PATH`"
        )


def _asked_wait(response: requests.Response) -> float:
    """Seconds that a server asks to wait, at most `LONGEST_WAIT`; 0 if it does not say."""
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT) if asked.isascii() and asked.isdigit() else 0.0


def _continues(response: requests.Response, start: int) -> bool:
    """Whether an answer goes on at the byte that was asked for."""
    content_range = response.headers.get("Content-Range", "")
    return response.status_code == 206 and content_range.startswith(f"bytes {start}-")


def _announced_size(response: requests.Response, start: int) -> int | None:
    """Return how large the server says that the whole file is; None if it does not say."""
    length = response.headers.get("Content-Length", "")
    if not length.isdigit() or response.headers.get("Content-Encoding", "identity") != "identity":
        return None
    return start + int(length)


def _is_empty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 0


if sys.platform == "win32":  # no flock: two processes would spoil each other's part, as hashes show

    @contextlib.contextmanager
    def _claimed(part: Path, stop: threading.Event) -> Iterator[None]:
        part.touch()
        try:
            yield
        finally:
            if _is_empty(part):
                part.unlink()

else:
    import fcntl

    @contextlib.contextmanager
    def _claimed(part: Path, stop: threading.Event) -> Iterator[None]:
        """Hold a partial file, so that no other process writes to it; wait if another one does.

        The system frees the claim when a process dies.
        """
        handle = _claim(part, stop)
        try:
            yield
        finally:
            if _is_file(handle, part) and _is_empty(part):
                part.unlink()
            os.close(handle)

    def _claim(part: Path, stop: threading.Event) -> int:
        """Open and lock a partial file; return its descriptor."""
        while not stop.is_set():
            handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            if _lock(handle) and _is_file(handle, part):
                return handle
            os.close(handle)  # held by another process, or finished and moved by it
            stop.wait(0.1)
        raise CancelledError

    def _lock(handle: int) -> bool:
        """Lock an open file without waiting; False if another process holds it."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:  # some network file systems have no locks
                os.close(handle)
                raise
        return True

    def _is_file(handle: int, path: Path) -> bool:
        """Whether an open file is still the one that a path names."""
        try:
            return os.path.samestat(os.fstat(handle), path.stat())
        except FileNotFoundError:
            return False
