"""Readers that do what none may: what the runner has to notice."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import tempfile
from pathlib import Path

from heschl.errors import InputError


class _Touches:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def _refuse(path):
    raise InputError(f"{path}: expected words")


def _pickled(path):
    pickle.loads(pickle.dumps(_Touches(path.parents[1] / "canary")))
    _refuse(path)


def _command(path):
    os.system(f"touch {path.parents[1] / 'canary'}")
    _refuse(path)


def _beside(path):
    (path.parents[1] / "beside").write_text("x")
    _refuse(path)


def _far_away(path):
    handle, name = tempfile.mkstemp(dir=path.parents[2])
    os.close(handle)
    Path(name).unlink()
    _refuse(path)


def _altered(path):
    path.write_bytes(b"y")
    _refuse(path)


def _removed(path):
    path.unlink()
    _refuse(path)


def _linked(path):
    Path("link").symlink_to("/etc")
    _refuse(path)


def _memory(path):
    """A file that is mapped takes memory that no limit of the system counts."""
    import mmap

    with Path("large").open("w+b") as file:
        file.truncate(64 << 20)
        with mmap.mmap(file.fileno(), 0) as mapped:
            for place in range(0, len(mapped), 4096):
                mapped[place] = 1
    _refuse(path)


def _starved(path):
    try:
        bytearray(1 << 30)
    except MemoryError as error:
        raise InputError(f"{path}: expected words") from error


def _environment(path):
    os.environ["HESCHL_EVIL"] = "1"
    _refuse(path)


def _folder(path):
    os.chdir("/")
    _refuse(path)


def _value_error(path):
    raise ValueError(f"{path}: expected words")


def _other_words(path):
    raise InputError(f"{path}: other words")


def _long(path):
    raise InputError(f"{path}: expected words {'x' * 10_000}")


class _Plain(InputError):
    """An error that shows its message as it is."""

    __str__ = Exception.__str__


_Plain.__name__ = "InputError"


def _terminal(path):
    raise _Plain(f"{path}: expected words \x1b[2J")


def _network(path):
    with socket.socket() as one:
        one.connect_ex(("127.0.0.1", 9))
    _refuse(path)


READERS = {
    "is careful": _refuse,
    "runs a pickle": _pickled,
    "runs a command": _command,
    "writes beside": _beside,
    "writes far away": _far_away,
    "alters the file": _altered,
    "removes the file": _removed,
    "links out": _linked,
    "takes memory": _memory,
    "runs out of memory": _starved,
    "sets the environment": _environment,
    "leaves its folder": _folder,
    "raises something else": _value_error,
    "raises nothing": lambda path: None,
    "says something else": _other_words,
    "says too much": _long,
    "says what a terminal obeys": _terminal,
    "asks the network": _network,
    "kills itself": lambda path: os.kill(os.getpid(), signal.SIGKILL),
}
