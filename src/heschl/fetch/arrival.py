"""A file that comes: it grows beside its place, is verified, and only then put there."""

from __future__ import annotations

import abc
import contextlib
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass

import pooch

from heschl.errors import FetchError, StoreError
from heschl.fetch.claims import claimed
from heschl.fetch.firstuse import FirstUse
from heschl.fetch.pins import not_as_pinned
from heschl.fetch.planning import FetchPlan, RemoteFile, expected_sha256, part_path
from heschl.progress import Advance


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


class Arrival(abc.ABC):
    """One file on its way.

    Parameters
    ----------
    plan : FetchPlan
        Of the release that the file belongs to.
    file : RemoteFile
    stop : threading.Event
        Once it is set, the work ends with `CancelledError`.
    progress : Progress
    """

    #: What becomes of the part if the disk is full.
    afterwards = "the download will be resumed"

    def __init__(
        self, plan: FetchPlan, file: RemoteFile, stop: threading.Event, progress: Progress
    ) -> None:
        self.name = plan.name
        self.file = file
        self.path = plan.folder / file.path
        self.part = part_path(self.path)
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
            If it cannot be had, or has other bytes than those published.
        StoreError
            If the file cannot be written.
        CancelledError
            If it was told to stop.
        """
        with self.claim():
            self.bring()

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Let no other process write the file meanwhile."""
        with self._writing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with claimed(self.part, self.stop):
                yield

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Say it if the file cannot be written."""
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot write {self.path}: {error.strerror or error}. Free some space or set "
                f"HESCHL_HOME to a folder that you may write; {self.afterwards}"
            ) from error

    def bring(self) -> None:
        """Bring the file, which is claimed, to its place, if it is not there yet."""
        with self._writing():
            self._bring()
        self.progress.finished()

    def _bring(self) -> None:
        """Bring the file unless it is there, whole; what has no hash always comes."""
        self._expect()
        if self.first is None and self._is_there():
            return
        self._fill()

    def _is_there(self) -> bool:
        return self.path.is_file() and pooch.file_hash(self.path, alg="sha256") == self.sha256

    def _expect(self) -> None:
        """Look up the hash, which another process may have pinned meanwhile; or prepare to pin."""
        self.sha256 = expected_sha256(self.file, self.pins)
        if self.sha256 is None and self.pins is not None:
            self.first = FirstUse(self.file, self.part, self.pins)

    def _fill(self) -> None:
        """Complete the partial file, verify it, and put it in its place.

        That is one step: by a name in between, as `pooch.retrieve` has one, the claim on the part
        would be gone before the file is there, and a process that waits would bring it once more.
        """
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
        self.part.replace(self.path)

    @abc.abstractmethod
    def _complete(self) -> None:
        """Append what is missing of the partial file."""

    @abc.abstractmethod
    def _error(self, reason: str) -> FetchError:
        """Make the error of a reason."""

    def _n_received(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _append(self, chunks: Iterable[bytes], most: int) -> None:
        """Write what comes to the end of the part, which may have so many bytes in all."""
        left = most - self._n_received()
        with self.part.open("ab") as handle:
            for chunk in chunks:
                if self.stop.is_set():
                    raise CancelledError
                left -= len(chunk)
                if left < 0:
                    break
                handle.write(chunk)
                self._count(len(chunk))
        if left < 0:
            self._forget()
            raise self._error(f"goes on after {most} bytes, the most that it may have")

    def _count(self, n_bytes: int) -> None:
        """Count bytes that came, or were thrown away."""
        self.progress.received(n_bytes)

    def _forget(self) -> None:
        """Empty the partial file; it stays the same file, because that one is claimed."""
        self._count(-self._n_received())
        with self.part.open("wb"):
            pass

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
