"""Where training sounds come from: folders that are searched, or lists of files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from heschl.audio import SUFFIXES
from heschl.errors import InputError, UsageError


@dataclass(frozen=True)
class Source:
    """A set of training sounds.

    Attributes
    ----------
    folder : str or Path
        A folder: all sound files in it and in the folders below (`heschl.audio.SUFFIXES`, any
        sample rate, any number of channels). Or a text file (UTF-8) with one path a line, absolute
        or relative to the folder of the text file.
    weight : float or None
        How likely an item comes from this source, relative to the weights of the others. None, for
        all sources: each second of sound of all sources is as likely.
    name : str
        What the source is called in messages and files; the name of the folder, or of the text file
        without its suffix, if it is not given.

    Raises
    ------
    UsageError
        If the weight is not a finite number above 0.
    """

    folder: Path
    weight: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        path = Path(self.folder).expanduser()
        object.__setattr__(self, "folder", path)
        if not self.name:
            place = path.resolve()
            object.__setattr__(self, "name", place.name if path.is_dir() else place.stem)
        if self.weight is not None and not (math.isfinite(self.weight) and self.weight > 0):
            raise UsageError(
                f"source {self.name}: weight {self.weight}; expected a finite number above 0"
            )

    @property
    def root(self) -> Path:
        """The folder that names are relative to."""
        return self.folder if self.folder.is_dir() else self.folder.parent


def check_sources(sources: Sequence[Source]) -> None:
    """Raise UsageError unless there are sources of different names, all or none with a weight."""
    if not sources:
        raise UsageError("no sources of training sounds were given; expected at least one folder")
    seen: set[str] = set()
    for source in sources:
        if source.name in seen:
            raise UsageError(
                f"two sources are named {source.name!r}; give them different names (name=...)"
            )
        seen.add(source.name)
    without = [source.name for source in sources if source.weight is None]
    if without and len(without) < len(sources):
        raise UsageError(
            f"source {without[0]} has no weight and others have one; expected a weight for every "
            "source, or for none (then each second of sound is as likely)"
        )


def file_names(source: Source) -> tuple[str, ...]:
    """Return the names of all files of a source, relative to its root, sorted.

    Hidden files and folders (a dot first) are passed over. Links to folders are followed, each
    folder once.

    Raises
    ------
    InputError
        If there is neither such a folder nor such a text file, if there is no sound file in it, or
        if the list names a file twice.
    """
    if source.folder.is_dir():
        names = sorted(_found(source.folder, "", set()))
        if not names:
            raise InputError(
                f"{source.folder}: no sound files in it; expected files that end in "
                f"{', '.join(SUFFIXES)}, in it or in folders below"
            )
    elif source.folder.is_file():
        names = _listed(source.folder)
    else:
        raise InputError(
            f"{source.folder}: neither a folder nor a list of files; expected one of them"
        )
    return tuple(names)


def _found(folder: Path, prefix: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Yield the names of sound files in and below a folder."""
    try:
        about = folder.stat()
        if (about.st_dev, about.st_ino) in seen:  # a link that leads back
            return
        seen.add((about.st_dev, about.st_ino))
        with os.scandir(folder) as entries:  # many times quicker than one path after the other
            inside = sorted(entries, key=lambda entry: entry.name)  # which of two links is followed
        for entry in inside:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _found(Path(entry.path), f"{prefix}{entry.name}/", seen)
            elif entry.name.lower().endswith(SUFFIXES):
                yield f"{prefix}{entry.name}"
    except OSError as error:
        raise InputError(f"{folder}: cannot be searched ({error.strerror or error})") from error


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not a list of files ({error}); expected UTF-8 text with one path a line"
        ) from error
    names = sorted(filter(None, map(str.strip, lines)))
    if not names:
        raise InputError(f"{path}: an empty list; expected one path a line")
    for name, following in pairwise(names):
        if name == following:
            raise InputError(f"{path}: {name} is listed twice; expected each file once")
    return names
