"""What no input may cause, whichever reader it is given to.

A file outside the folders of the fuzzer, a process, a connection, a name of a pickle that is looked
up, hundreds of MB, or seconds.
"""

from __future__ import annotations

import os
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import places

#: Of one input of a few KB.
MOST_BYTES = 150_000_000
MOST_SECONDS = 5.0

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: Events of Python's audit hooks (its documentation lists them).
_NEVER = frozenset(
    {
        *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
        *("os.kill", "os.link", "os.putenv", "os.symlink", "pty.spawn"),
        *(
            "ctypes.dlopen",
            "subprocess.Popen",
            "socket.connect",
            "socket.bind",
            "socket.getaddrinfo",
            "pickle.find_class",
        ),
    }
)
#: Those that change paths, and how many, which are their first arguments.
_CHANGES = {
    "os.chmod": 1,
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "shutil.rmtree": 1,
}


#: Of Linux: a 5 written to the first lets it forget the peak that the second tells (its manual,
#: proc(5)). Where that is forbidden, growth of the peak of the whole process is all there is.
_FORGET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class FindingError(Exception):
    """An input caused what none may cause."""


class _Watch:
    """What was seen while a target ran; the hook that sees it stays for the whole process."""

    def __init__(self) -> None:
        self.installed = False
        self.on = False
        self.seen: list[str] = []

    def install(self) -> None:
        if not self.installed:
            sys.addaudithook(self.hook)
            self.installed = True

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in _NEVER:
            self.seen.append(f"{event} {arguments!r:.200}")
        elif event == "open":
            path, _, flags = arguments
            if flags & _WRITING and _outside(path):
                self.seen.append(f"{path!r:.200} was opened for writing")
        elif event in _CHANGES:
            n_paths = _CHANGES[event]
            within = arguments[-1] not in (-1, None)  # below a folder that is open already
            for path in arguments[:n_paths]:
                if not within and _outside(path):
                    self.seen.append(f"{event} of {path!r:.200}")


_WATCH = _Watch()


def _outside(path: object) -> bool:
    """Whether a path (not the number of an open file) lies outside of the fuzzer's folders."""
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    whole = os.path.normpath(os.path.join(os.getcwd(), os.fsdecode(path)))  # noqa: PTH109, PTH118
    return not whole.startswith(f"{places.ROOT}{os.sep}") and whole != os.devnull


def watched(check: Callable[[bytes], None], *, costs: bool) -> Callable[[bytes], None]:
    """Return a target that also raises `FindingError` for what no input may cause.

    Parameters
    ----------
    check : function of bytes
    costs : bool
        Whether memory and time count.
    """
    _WATCH.install()

    def run(content: bytes) -> None:
        places.ROOT.mkdir(exist_ok=True)
        before, began = (_memory() if costs else 0), time.process_time()
        _WATCH.on = True
        try:
            check(content)
        finally:
            _WATCH.on = False
        if _WATCH.seen:
            seen, _WATCH.seen = _WATCH.seen, []
            raise FindingError("; ".join(seen))
        if costs:
            _check_costs(_peak() - before, time.process_time() - began)

    return run


def _check_costs(n_bytes: int, seconds: float) -> None:
    if n_bytes > MOST_BYTES:
        raise FindingError(
            f"{n_bytes / 1e6:.0f} MB of memory; expected at most {MOST_BYTES / 1e6:.0f}"
        )
    if seconds > MOST_SECONDS:
        raise FindingError(f"{seconds:.1f} s of computing; expected at most {MOST_SECONDS}")


def _memory() -> int:
    """Bytes of memory that this process has; the most that it will have is noted from now on."""
    if os.access(_FORGET, os.W_OK):
        _FORGET.write_text("5", encoding="ascii")
    return _peak()


def _peak() -> int:
    """Most bytes of memory that this process has had (Linux says it in KiB)."""
    if not os.access(_FORGET, os.W_OK):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="utf-8"), re.MULTILINE)
    return 1024 * int(found[1]) if found else 0
