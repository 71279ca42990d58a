"""Claims on partial files: of several processes that want the same file, one downloads it."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK})


def _is_empty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 0


if sys.platform == "win32":  # no flock: two processes would spoil each other's part, as hashes show

    @contextlib.contextmanager
    def claimed(part: Path, stop: threading.Event) -> Iterator[None]:
        """Make sure of a partial file, and remove it if nothing came."""
        part.touch()
        try:
            yield
        finally:
            if _is_empty(part):
                part.unlink()

else:
    import fcntl

    @contextlib.contextmanager
    def claimed(part: Path, stop: threading.Event) -> Iterator[None]:
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
