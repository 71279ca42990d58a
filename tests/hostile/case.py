"""What a hostile file is: how it is made, who reads it, and how it has to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from heschl.errors import HeschlError

#: Bytes that a reader may take besides what it stands with: its own work, threads, imports.
SMALL = 48 << 20


@dataclass(frozen=True)
class HostileFile:
    """One hostile file.

    Attributes
    ----------
    name : str
    tries : str
        What would happen if it were believed.
    reader : str
        A name of `hostile.readers.READERS`.
    build : function of two paths
        Makes the file in a folder; the second path is the canary: code that runs creates it.
        Returns what the reader is given.
    error : type of HeschlError, or None
        Exactly this one; None where the file is read and nothing else happens.
    words : str
        What the message has to say.
    memory : int
        Bytes that the reader may take at most.
    """

    name: str
    tries: str
    reader: str
    build: Callable[[Path, Path], Path]
    error: type[HeschlError] | None
    words: str
    memory: int = SMALL


def raw(name: str, content: bytes) -> Callable[[Path, Path], Path]:
    """Return a builder of a file with these bytes."""

    def build(folder: Path, _: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return build


def armed(name: str, content: Callable[[Path], bytes]) -> Callable[[Path, Path], Path]:
    """Return a builder of a file whose bytes name the canary."""

    def build(folder: Path, canary: Path) -> Path:
        (folder / name).write_bytes(content(canary))
        return folder / name

    return build
