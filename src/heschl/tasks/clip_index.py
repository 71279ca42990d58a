"""Facts on clips from an earlier reading, so that what has not changed is not decoded again.

They are kept in one file of lines, which only grows: an interruption loses no more than the last
few. Every line has a checksum; one that is damaged counts as none, and its clip is read again.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from heschl import store
from heschl.sounds import ClipFacts


@dataclass(frozen=True)
class Stamp:
    """By what a file is known to be unchanged without being read.

    Attributes
    ----------
    size : int
        In bytes.
    mtime_ns : int
        When its content was changed last, in nanoseconds.
    """

    size: int
    mtime_ns: int


def stamp(path: Path) -> Stamp | None:
    """Return the stamp of a file; None if it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Stamp(found.st_size, found.st_mtime_ns)


def stamps(folder: Path) -> dict[str, Stamp]:
    """Return the stamps of all that is in a folder, by name; none if it cannot be looked at."""
    found = {}
    try:
        with os.scandir(folder) as entries:  # many times quicker than one path after the other
            for entry in entries:
                about = entry.stat()
                found[entry.name] = Stamp(about.st_size, about.st_mtime_ns)
    except OSError:
        return found  # a clip without a stamp is read, and what is wrong is found there
    return found


@dataclass(frozen=True)
class Entry:
    """What is known of one clip.

    Attributes
    ----------
    original : Stamp
        Of its file.
    resampled : Stamp or None
        Of the file that was made from it; None if it is used as it is.
    facts : ClipFacts
        On the samples that are used.
    """

    original: Stamp
    resampled: Stamp | None
    facts: ClipFacts


class ClipIndex(AbstractContextManager["ClipIndex"]):
    """Entries by the name of their clip; those that are added are written when it is left.

    Parameters
    ----------
    path : Path
        Its file, which need not be there.

    Raises
    ------
    StoreError
        On leaving and on adding, if it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries = _read(path)
        self._file: TextIO | None = None

    @property
    def entries(self) -> Mapping[str, Entry]:
        """What is known, by name."""
        return self._entries

    def add(self, name: str, entry: Entry) -> None:
        """Add an entry; a later one of the same name counts instead of the earlier."""
        self._entries[name] = entry
        with store.writing(self.path):
            if self._file is None:
                store.make_folder(self.path.parent)
                self._file = self.path.open("a", encoding="ascii")
                self._file.write("\n")  # the last line may have been cut short
            self._file.write(_line(name, entry))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if self._file is not None:
            with store.writing(self.path):
                self._file.close()


def _line(name: str, entry: Entry) -> str:
    stamps = [
        None if found is None else astuple(found) for found in (entry.original, entry.resampled)
    ]
    content = json.dumps([name, *stamps, *astuple(entry.facts)], separators=(",", ":"))
    return f"{zlib.crc32(content.encode()):08x} {content}\n"


def _read(path: Path) -> dict[str, Entry]:
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    return dict(found for found in map(_parsed, text.splitlines()) if found is not None)


def _parsed(line: str) -> tuple[str, Entry] | None:
    """Return the name and entry of a line; None if it is damaged or of another version."""
    checksum, _, content = line.partition(" ")
    if not content or checksum != f"{zlib.crc32(content.encode()):08x}":
        return None
    try:
        return _entry(*json.loads(content))
    except (ValueError, TypeError, RecursionError):
        return None


def _entry(
    name: str, original: list[int], resampled: list[int] | None, *facts: Any
) -> tuple[str, Entry]:
    if not isinstance(name, str):
        raise TypeError(f"a name of type {type(name).__name__}")
    made = None if resampled is None else Stamp(*resampled)
    return name, Entry(Stamp(*original), made, ClipFacts(*facts))
