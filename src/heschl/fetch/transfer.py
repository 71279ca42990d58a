"""One file: the requests that complete its partial file, and the hash that says it is the one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass

import pooch
import requests

from heschl.errors import FetchError, StoreError
from heschl.fetch.answers import announced_size, asked_wait, continues, size_beyond_range
from heschl.fetch.claims import claimed
from heschl.fetch.firstuse import FirstUse
from heschl.fetch.pins import not_as_pinned
from heschl.fetch.planning import FetchPlan, RemoteFile, expected_sha256, part_path
from heschl.progress import Advance

#: The longest wait, in seconds, that a server may ask for with ``Retry-After``.
LONGEST_WAIT = 60.0

#: Seconds to connect, and of silence before a connection counts as cut.
TIMEOUT = (10.0, 30.0)

#: Bytes at a time; small, because what came of the last chunk of a cut connection is lost.
_CHUNK = 1 << 13

_TRY_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Progress:
    """One bar over all files: of megabytes, or of files where a size is not known.

    Attributes
    ----------
    advance : callable
        Moves the bar on.
    in_bytes : bool
        Whether its unit is the megabyte.
    """

    advance: Advance
    in_bytes: bool

    def received(self, n_bytes: int) -> None:
        """Count bytes that came; a negative number takes back those that were thrown away."""
        if self.in_bytes:
            self.advance(n_bytes / 1e6)

    def finished(self) -> None:
        """Count a file that is in its place."""
        if not self.in_bytes:
            self.advance(1)


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


class FileDownload:
    """The download of one file; pooch calls it, as a downloader, if the file is needed.

    Parameters
    ----------
    plan : FetchPlan
        Of the release that the file belongs to.
    file : RemoteFile
    session : requests.Session
    waits : sequence of float
        Seconds before each further attempt after a temporary failure.
    stop : threading.Event
        Once it is set, the download ends with `CancelledError`; what came is kept.
    progress : Progress
    """

    def __init__(
        self,
        plan: FetchPlan,
        file: RemoteFile,
        session: requests.Session,
        waits: Sequence[float],
        stop: threading.Event,
        progress: Progress,
    ) -> None:
        self.name = plan.name
        self.file = file
        self.path = plan.folder / file.path
        self.part = part_path(self.path)
        self.session = session
        self.waits = waits
        self.stop = stop
        self.progress = progress
        self.pins = plan.pins
        self.sha256 = file.sha256
        self.first: FirstUse | None = None

    def run(self) -> None:
        """Bring the file to its place, unless another process does so meanwhile.

        Raises
        ------
        FetchError
            If the server refuses, cannot be reached, or gives other bytes than those published.
        StoreError
            If the file cannot be written.
        CancelledError
            If it was told to stop.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with claimed(self.part, self.stop):
                self._bring()
        except OSError as error:
            raise StoreError(
                f"cannot write {self.path}: {error.strerror or error}. Free some space or set "
                "HESCHL_HOME to a folder that you may write; the download will be resumed"
            ) from error
        self.progress.finished()

    def _bring(self) -> None:
        """Let pooch decide whether the file is needed; what has no hash always is."""
        self.sha256 = expected_sha256(self.file, self.pins)  # pinned by another process meanwhile?
        if self.sha256 is None and self.pins is not None:
            self.first = FirstUse(self.file, self.part, self.pins)
            self(self.file.url, str(self.path), None)
            return
        pooch.retrieve(
            self.file.url,
            known_hash=f"sha256:{self.sha256}",
            fname=self.path.name,
            path=self.path.parent,
            downloader=self,
        )

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        """Complete the partial file, verify it, and hand it over under pooch's temporary name."""
        resumed = self._n_received() > 0
        self._complete()
        fault = self._fault()
        if resumed and fault is not None:
            self._forget()
            self._complete()
            fault = self._fault()
        if fault is not None:
            self._forget()
            raise self._error(fault)
        if self.first is not None:
            self.first.accept()
        self.part.replace(output_file)

    def _n_received(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _fault(self) -> str | None:
        """Return why the complete partial file is not the one; None if it is."""
        size = self._n_received()
        if self.first is not None:
            return self.first.fault(size)
        found = pooch.file_hash(self.part, alg="sha256")
        if found == self.sha256:
            return None
        if self.file.sha256 is None and self.pins is not None:
            return f"{size} bytes came with {not_as_pinned(self.pins, found, str(self.sha256))}"
        return (
            f"{size} bytes with SHA-256 {found} came; expected SHA-256 {self.sha256}. The file "
            "there is not the published one, or something on the way (a proxy, a login page) "
            "altered it; nothing was kept"
        )

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
        if start and self.first is not None:
            headers |= self.first.headers()
        try:
            with self.session.get(
                self.file.url, headers=headers, stream=True, timeout=TIMEOUT
            ) as response:
                if start and response.status_code == 416:
                    if self.first is not None:
                        self.first.total = size_beyond_range(response)
                    return  # the server has no more than is here: the hash or the length tells
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
            raise _TemporaryFailureError(said, min(asked_wait(response), LONGEST_WAIT))
        if status not in (200, 206):
            raise self._error(f"{said}; expected the file. It may have been moved or withdrawn")

    def _append(self, response: requests.Response, start: int) -> None:
        goes_on = start > 0 and continues(response, start)
        total = announced_size(response, start if goes_on else 0)
        self._check_size(total)
        if start and not goes_on:
            self._forget()
        if self.first is not None:
            self.first.total = total
            if not goes_on:
                self.first.begin(response)
        with self.part.open("ab") as handle:
            for chunk in response.iter_content(_CHUNK):
                if self.stop.is_set():
                    raise CancelledError
                handle.write(chunk)
                self.progress.received(len(chunk))
        whole = total if self.file.size is None else self.file.size
        if whole is not None and self._n_received() < whole:
            raise _TemporaryFailureError(
                f"the connection ended after {self._n_received()} of {whole} bytes"
            )

    def _check_size(self, total: int | None) -> None:
        """Refuse, before it comes, a file of another size; or of none, if nothing else tells."""
        if None not in (total, self.file.size) and total != self.file.size:
            raise self._error(
                f"the server offers {total} bytes; the published file has {self.file.size}. "
                "Something on the way (a proxy, a login page) may answer in its place"
            )
        if total is None and self.first is not None:
            raise self._error(
                "the server does not say how many bytes it has; expected a Content-Length, without "
                "which a truncated file could not be told, as no hash of it is published"
            )

    def _error(self, reason: str) -> FetchError:
        return FetchError(
            f"{self.file.url}: {reason}. If you have a copy of the release, give it with "
            f"`heschl fetch {self.name} --from PATH`"
        )
