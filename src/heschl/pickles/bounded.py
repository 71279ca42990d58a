"""A stream that ends early, so that a lying length cannot ask for gigabytes."""

from __future__ import annotations

from typing import IO

from heschl.errors import InputError


class BoundedStream:
    """What a reader of pickles needs of a stream, for so many bytes.

    Parameters
    ----------
    stream : binary stream
        It is read from where it stands, and never further than what was asked for.
    n_bytes : int
    """

    def __init__(self, stream: IO[bytes], n_bytes: int) -> None:
        self._stream = stream
        self._limit = n_bytes
        self._left = n_bytes

    def read(self, n: int) -> bytes:
        """Read so many bytes, or what is left of the stream."""
        if n > self._left:
            raise InputError(f"has pickles of more than {self._limit} bytes, or is damaged")
        return self._took(self._stream.read(n))

    def readline(self) -> bytes:
        """Read up to the end of a line."""
        line = self._took(self._stream.readline(self._left + 1))
        if self._left < 0:
            raise InputError(f"has pickles of more than {self._limit} bytes, or is damaged")
        return line

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._limit - self._left

    def _took(self, content: bytes) -> bytes:
        self._left -= len(content)
        return content
