"""Locks: of several processes that are about to compute the same, one does, and the others wait.

They are the system's own (``flock``), which it frees when a process dies in any way. Where a file
system has none, nothing waits: everything is written in one step, so that the worst is work done
twice.
"""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from heschl.errors import StoreError

#: Seconds between two looks at a lock that another process holds.
POLL = 0.2
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK})

log = logging.getLogger("heschl")


@contextlib.contextmanager
def held(path: Path, what: str) -> Iterator[bool]:
    """Hold a lock while the block runs; wait as long as another process holds it.

    Parameters
    ----------
    path : Path
        Of the lock: an empty file, which stays. Its folder is made.
    what : str
        What is computed, for the message that another process is at it.

    Yields
    ------
    bool
        Whether it is held; False where the file system has no locks.

    Raises
    ------
    StoreError
        If the file cannot be made.
    """
    lock = FileLock(path, poll_interval=POLL, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _take(lock, what)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise StoreError(
                f"cannot write {path}: {error.strerror or error}. Free some space or choose a "
                "folder that you may write"
            ) from error
    try:
        yield lock.is_locked
    finally:
        lock.release()


def _take(lock: FileLock, what: str) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("another process computes %s; waiting for it", what)
        lock.acquire()
