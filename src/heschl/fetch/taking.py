"""One member of a tar, read from what is open: a copy on disk, or the tar as it passes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import BinaryIO

from heschl.errors import FetchError
from heschl.fetch.arrival import Arrival, Progress
from heschl.fetch.asking import Refuse
from heschl.fetch.pieces import TarBytes
from heschl.fetch.planning import FetchPlan, RemoteFile

_CHUNK = 1 << 16


class MemberTaking(Arrival):
    """One member whose content is read from something that is open.

    Parameters
    ----------
    plan, file, stop, progress
        As of `Arrival`; only finished files are counted.
    refuse : callable
        Makes the error of a reason.
    """

    afterwards = "then run the same command again"

    def __init__(
        self,
        plan: FetchPlan,
        file: RemoteFile,
        stop: threading.Event,
        progress: Progress,
        refuse: Refuse,
    ) -> None:
        super().__init__(plan, file, stop, progress)
        self.refuse = refuse
        self._size = 0
        self._source: BinaryIO | TarBytes | None = None

    def take(self, source: BinaryIO | TarBytes, size: int) -> None:
        """Bring the file, which is claimed: the next ``size`` bytes of ``source``.

        Raises
        ------
        FetchError
            If they are not there, or not those published.
        StoreError
            If the file cannot be written.
        """
        if self.file.size not in (None, size):
            raise self._error(f"{size} bytes; the published file has {self.file.size}")
        self._source, self._size = source, size
        with self._writing():
            self._forget()  # it cannot be gone on with
        self.bring()

    def _bring(self) -> None:
        """Read it also if it is there: a copy that differs is to be refused, not passed over."""
        self._expect()
        self._fill()

    def _complete(self) -> None:
        try:
            self._append(self._chunks(), self._size)
        except BaseException:
            self._forget()
            raise
        if self.first is not None:
            self.first.total = self._size

    def _chunks(self) -> Iterator[bytes]:
        left = self._size
        while left and self._source is not None:
            try:
                chunk = self._source.read(min(left, _CHUNK))
            except OSError as error:
                raise self._error(f"cannot be read ({error.strerror or error})") from error
            if not chunk:
                raise self._error(f"cut short: {left} of {self._size} bytes are missing")
            left -= len(chunk)
            yield chunk

    def _count(self, n_bytes: int) -> None:
        """Leave the counting of bytes to the source."""

    def _error(self, reason: str) -> FetchError:
        return self.refuse(f"member {self.file.member}: {reason}")
