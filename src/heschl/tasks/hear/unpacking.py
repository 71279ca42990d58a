"""What of a copy of an official task is taken: its metadata, its labels, and its clips.

Everything else in an archive or a folder is passed over; a member of an archive that would be
written elsewhere, or is no plain file, refuses the whole archive.
"""

from __future__ import annotations

import json
import posixpath
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from heschl import progress, store
from heschl.errors import FetchError, InputError
from heschl.releases import TarRules, copy_stream
from heschl.tasks.hear.labels import VOCABULARY
from heschl.tasks.hear.loading import find_folders
from heschl.tasks.hear.metadata import METADATA, is_plain_name, read_json, release_named
from heschl.tasks.wording import few

FolderT = TypeVar("FolderT", str, Path)

#: Bytes. A clip of 30 s has 3 MB; the labels of 300,000 clips have 30 MB.
LARGEST_MEMBER = 300_000_000
#: Against what is expected: stereo, or samples of four bytes, and much more metadata.
LARGEST_EXCESS = 5
LEAST_TOTAL = 1_000_000_000
_LARGEST_METADATA = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """A task that is looked for in a copy.

    Attributes
    ----------
    name : str
        In the release.
    n_clips : int
        About how many there are.
    n_bytes : int
        About how many they take.
    """

    name: str
    n_clips: int
    n_bytes: int

    def rules(self) -> TarRules:
        """Return what its archive may be."""
        return TarRules(
            f"the release {self.name}",
            compressed=True,
            largest_member=LARGEST_MEMBER,
            largest_total=max(LARGEST_EXCESS * self.n_bytes, LEAST_TOTAL),
            most_members=100 * self.n_clips + 10_000,
        )


def check_archive(path: Path, wanted: Wanted) -> None:
    """Refuse a file that is no archive of the task; nothing is written.

    Parameters
    ----------
    path : Path
        A gzip-compressed tar, as published.
    wanted : Wanted

    Raises
    ------
    FetchError
        If it is none, if it has not the task, or if a member is a link or device, would be written
        elsewhere, or is too large; the member is named.
    """
    _survey(path, wanted)


def unpack(path: Path, target: Path, wanted: Wanted) -> None:
    """Write the files of the task into a folder, after a check of all members.

    Parameters
    ----------
    path : Path
        A gzip-compressed tar, as published.
    target : Path
        The folder in which ``task_metadata.json`` is to be.
    wanted : Wanted

    Raises
    ------
    FetchError
        As `check_archive`.
    StoreError
        If there is no room.
    OSError
        If a file cannot be written.
    """
    root, n_bytes = _survey(path, wanted)
    store.check_space(target, n_bytes)
    rules = wanted.rules()
    with _bar(f"Unpacking {wanted.name}", wanted) as advance, rules.opened(path) as archive:
        for member in rules.members(archive, path):
            place = _place(member.name, root)
            if place is not None and member.isfile():
                rules.write(archive, member, target / place, path)
                advance()


def copy_folder(source: Path, target: Path, wanted: Wanted) -> None:
    """Copy the files of an unpacked task.

    Parameters
    ----------
    source : Path
        The folder with ``task_metadata.json``, or one above it.
    target : Path
        The folder in which ``task_metadata.json`` is to be.
    wanted : Wanted

    Raises
    ------
    FetchError
        If the task is not in it, or a file cannot be read; it is named.
    StoreError
        If there is no room.
    OSError
        If a file cannot be written.
    """
    folders = {folder: _named_in(folder) for folder in find_folders(source)}
    root = _choose(source, wanted, folders)
    files = [path for path in _files(root) if path.is_file()]
    store.check_space(target, sum(path.stat().st_size for path in files))
    with _bar(f"Copying {wanted.name}", wanted) as advance:
        for path in files:
            _copy(path, target / path.relative_to(root))
            advance()


def _files(root: Path) -> Iterator[Path]:
    """Files of a task in its folder: no deeper than its clips, and nothing else of the user's."""
    for depth in ("*", "*/*/*"):
        for path in sorted(root.glob(depth)):
            if _is_of_task(path.relative_to(root).parts):
                yield path


def _copy(path: Path, to: Path) -> None:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise FetchError(
            f"{path}: cannot be read ({error.strerror or error}); check its permissions. Nothing "
            "was kept"
        ) from error
    with stream:
        copy_stream(stream, to)


def _bar(label: str, wanted: Wanted) -> AbstractContextManager[progress.Advance]:
    return progress.bar(label, wanted.n_clips, "files")


def _survey(path: Path, wanted: Wanted) -> tuple[str, int]:
    """Check all members of an archive; return the folder of the task and the bytes of its files."""
    rules = wanted.rules()
    sizes: dict[str, int] = {}
    folders: dict[str, str | None] = {}
    with _bar(f"Checking {path.name}", wanted) as advance, rules.opened(path) as archive:
        for member in rules.members(archive, path):
            name = posixpath.normpath(member.name)
            if not member.isfile():
                continue
            if name in sizes:
                raise rules.refusal(path, member, "is there twice")
            sizes[name] = member.size
            if posixpath.basename(name) == METADATA:
                folders[posixpath.dirname(name)] = _named_in_archive(archive, member)
            advance()
    root = _choose(path, wanted, folders)
    taken = {name: size for name, size in sizes.items() if _place(name, root) is not None}
    return root, sum(taken.values())


def _choose(source: Path, wanted: Wanted, folders: Mapping[FolderT, str | None]) -> FolderT:
    """Return the folder of the task, by its name or by what its metadata say it is."""
    for folder in folders:
        if posixpath.basename(str(folder)) == wanted.name:
            return folder
    for folder, named in folders.items():
        if named == wanted.name:
            return folder
    there = few(named or posixpath.basename(str(folder)) for folder, named in folders.items())
    raise FetchError(
        f"{source}: {f'has the tasks {there}' if folders else 'has no task'}; expected the release "
        f"{wanted.name}: a folder with {METADATA}, {VOCABULARY} and the clips. Nothing was kept"
    )


def _named_in(folder: Path) -> str | None:
    """Return the release that the metadata in a folder are of; None if they do not say it."""
    try:
        return release_named(read_json(folder / METADATA))
    except InputError:
        return None


def _named_in_archive(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str | None:
    stream = archive.extractfile(member)
    if stream is None or member.size > _LARGEST_METADATA:
        return None
    try:
        return release_named(json.loads(stream.read()))
    except (ValueError, RecursionError):
        return None
    except (tarfile.TarError, EOFError, OSError, zlib.error):
        return None  # cut short or damaged: so it is when the next member is looked for


def _place(name: str, root: str) -> PurePosixPath | None:
    """Return where a member of an archive is in the folder of the task; None if it is not taken."""
    inside = PurePosixPath(posixpath.normpath(name))
    if root and not inside.is_relative_to(root):
        return None
    place = inside.relative_to(root) if root else inside
    return place if _is_of_task(place.parts) else None


def _is_of_task(parts: Sequence[str]) -> bool:
    """Whether a file is one of a task by its path: metadata or labels, or a clip of a rate."""
    if not all(is_plain_name(part) and not part.startswith(".") for part in parts):
        return False
    if len(parts) == 1:
        return parts[0].endswith((".json", ".csv"))
    return len(parts) == 3 and parts[0].isascii() and parts[0].isdigit()
