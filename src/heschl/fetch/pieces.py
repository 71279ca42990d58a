"""Files for the reader of tars: read at places of a server's file, or forward as one comes."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError

import requests

from heschl.fetch.answers import announced_size, continues, size_in_range, validator
from heschl.fetch.asking import Asking, Refuse, TemporaryFailureError, translated

#: Bytes that are asked for at once: a header with its long name, or several short headers.
BUFFER = 1 << 13

#: No header is larger; else it is damaged or means harm.
LARGEST_HEADER = 1 << 20

_CHUNK = 1 << 16


class NoRangesError(Exception):
    """The server sends only the whole file.

    Parameters
    ----------
    size : int or None
        Of the file, in bytes, if the server says it.
    """

    def __init__(self, size: int | None) -> None:
        super().__init__(size)
        self.size = size


class TarBytes(io.BufferedReader):
    """A tar for reading; no absurd piece of it is read into memory.

    Attributes
    ----------
    last : bytes
        What was read last.
    """

    last = b""

    def read(self, size: int | None = -1, /) -> bytes:  # noqa: D102
        if size is None or not 0 <= size <= LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self.last = super().read(size)
        return self.last


class _Pieces(io.RawIOBase):
    """A file that is read at a place, which moves."""

    def __init__(self) -> None:
        super().__init__()
        self.place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end is not known")
        self.place = offset + (self.place if whence == io.SEEK_CUR else 0)
        return self.place


class RangedBytes(_Pieces):
    """A file on a server, of which pieces are asked for by their place.

    Attributes
    ----------
    size : int or None
        In bytes, once something was read and if the server says it.
    version : str or None
        What ``If-Range`` takes to stay within one version of the file.
    """

    def __init__(self, url: str, asking: Asking, refuse: Refuse) -> None:
        super().__init__()
        self.url = url
        self.asking = asking
        self.refuse = refuse
        self.size: int | None = None
        self.version: str | None = None
        self._first = True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Read at the place.

        Raises
        ------
        NoRangesError
            If the first answer is the whole file.
        FetchError
            If it cannot be read, or was replaced since the first answer.
        """
        if self.size is not None and self.place >= self.size:
            return 0
        content = self.asking.persist(lambda: self._receive(len(buffer)), self.refuse)
        buffer[: len(content)] = content
        self.place += len(content)
        return len(content)

    def _receive(self, n_bytes: int) -> bytes:
        headers = {"Range": f"bytes={self.place}-{self.place + n_bytes - 1}"}
        if self.version is not None:
            headers["If-Range"] = self.version
        with self.asking.ask(self.url, headers, self.refuse, also=(416,)) as response:
            if response.status_code == 416:
                return b""
            self._check(response)
            content = b""
            for chunk in response.iter_content(n_bytes):
                content += chunk
                if len(content) >= n_bytes:
                    break
        whole = n_bytes if self.size is None else min(n_bytes, self.size - self.place)
        if not content or (self.size is not None and len(content) < whole):
            raise TemporaryFailureError(f"{len(content)} of {whole} bytes came")
        return content[:n_bytes]

    def _check(self, response: requests.Response) -> None:
        """Refuse another part, or another version of the file."""
        if continues(response, self.place):
            size, version = size_in_range(response), validator(response)
            if self._first:
                self.size, self.version, self._first = size, version, False
            if (size, version) == (self.size, self.version):
                return
        elif self._first:
            raise NoRangesError(announced_size(response, 0))
        raise self.refuse("was replaced while it was read; run the same command again")


class StreamedBytes(_Pieces):
    """A file that comes from its start to its end and is read forward only.

    Parameters
    ----------
    response : requests.Response
    refuse : callable
        Makes the error of a reason.
    stop : threading.Event
        Once it is set, reading ends with `CancelledError`.
    count : callable
        Is told how many bytes came.
    most : int
        That may come.
    """

    def __init__(
        self,
        response: requests.Response,
        refuse: Refuse,
        stop: threading.Event,
        count: Callable[[int], object],
        most: int,
    ) -> None:
        super().__init__()
        self.most = most
        self.refuse = refuse
        self.stop = stop
        self._count = count
        self.total = announced_size(response, 0)
        self._chunks = response.iter_content(_CHUNK)
        self._chunk = memoryview(b"")
        self._begin = 0  # of the chunk, in the file

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Read at the place, after all that lies before it.

        Raises
        ------
        TemporaryFailureError
            If the connection ends early.
        """
        if self.place < self._begin:
            raise io.UnsupportedOperation("a stream is read forward")
        while self.place >= self.received:
            if not self._next():
                return 0
        content = self._chunk[self.place - self._begin :][: len(buffer)]
        buffer[: len(content)] = content
        self.place += len(content)
        return len(content)

    @property
    def received(self) -> int:
        """Bytes that came."""
        return self._begin + len(self._chunk)

    def _next(self) -> bool:
        if self.stop.is_set():
            raise CancelledError
        end = self.received
        with translated(self.refuse):
            chunk = next(self._chunks, b"")
        if not chunk:
            if self.total is not None and end < self.total:
                raise TemporaryFailureError(
                    f"the connection ended after {end} of {self.total} bytes"
                )
            return False
        if end + len(chunk) > self.most:
            raise self.refuse(f"goes on after {self.most} bytes, the most that it may have")
        self._begin, self._chunk = end, memoryview(chunk)
        self._count(len(chunk))
        return True
