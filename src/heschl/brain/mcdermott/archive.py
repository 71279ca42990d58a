"""The published archive: every member is checked before a byte is written.

Only the content of the wanted members is used; where it is written, and under which name, mode and
owner, is never the archive's to say.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from heschl.brain.mcdermott.copying import copy_stream
from heschl.brain.mcdermott.release import RELEASE, wanted_files
from heschl.errors import FetchError

#: Bytes. The largest file of the release, 192 x 26,792 x 3 float64, has 123 MB; all have 200 MB.
LARGEST_MEMBER = 300_000_000
LARGEST_TOTAL = 1_000_000_000
MOST_MEMBERS = 100_000

#: Folders that the archive may have around ``neural`` and ``stimuli``.
_DEEPEST = 2
_SHOWN = 5


def check_archive(path: Path) -> None:
    """Refuse a file that is no archive of the release; nothing is written.

    Parameters
    ----------
    path : Path
        An uncompressed tar, as published.

    Raises
    ------
    FetchError
        If it is none, if a file of the release is missing, or if a member is a link or device,
        would be written elsewhere, or is too large; the member is named.
    """
    with _opened(path) as archive:
        _members(archive, path)


def unpack(path: Path, target: Path) -> None:
    """Write the wanted files of the release, after a check of all members.

    Parameters
    ----------
    path : Path
        An uncompressed tar, as published.
    target : Path
        The folder in which ``neural`` and ``stimuli`` are to be.

    Raises
    ------
    FetchError
        As `check_archive`, and if the archive is cut short.
    OSError
        If a file cannot be written.
    """
    with _opened(path) as archive:
        for wanted, member in _members(archive, path).items():
            stream = archive.extractfile(member)
            if stream is None:
                raise _member_error(path, member, "is no plain file")
            with stream:
                n_bytes = _copy_member(stream, target / wanted, path, member)
            if n_bytes != member.size:
                raise _member_error(path, member, f"ends after {n_bytes} of {member.size} bytes")


def _copy_member(stream: IO[bytes], to: Path, path: Path, member: tarfile.TarInfo) -> int:
    try:
        return copy_stream(stream, to)
    except tarfile.TarError as error:
        raise _member_error(path, member, f"cannot be read ({error})") from error


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        # "r:" opens no compressed archive, so what comes out is never larger than what went in
        archive = tarfile.open(path, "r:")  # noqa: SIM115
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise FetchError(
            f"{path}: no uncompressed tar archive ({error}); expected the release {RELEASE} as "
            "published, or a folder with what is in it"
        ) from error
    except OSError as error:
        raise FetchError(f"{path}: cannot be read ({error.strerror or error})") from error
    with archive:
        yield archive


def _members(archive: tarfile.TarFile, path: Path) -> Mapping[PurePosixPath, tarfile.TarInfo]:
    """Check all members; return the wanted ones, by their place in the release."""
    wanted = frozenset(wanted_files())
    found: dict[PurePosixPath, tarfile.TarInfo] = {}
    for number, member in enumerate(_read_members(archive, path)):
        if number >= MOST_MEMBERS:
            raise FetchError(f"{path}: more than {MOST_MEMBERS} members; expected a few hundred")
        problem = _problem(member)
        if problem is not None:
            raise _member_error(path, member, problem)
        place = _place(member.name)
        if place not in wanted or not member.isfile():
            continue
        if place in found:
            raise _member_error(path, member, f"is a second {place}")
        found[place] = member
    if sum(member.size for member in found.values()) > LARGEST_TOTAL:
        raise FetchError(f"{path}: more than {LARGEST_TOTAL} bytes in the files of the release")
    missing = [str(place) for place in wanted_files() if place not in found]
    if missing:
        more = ", ..." if len(missing) > _SHOWN else ""
        raise FetchError(
            f"{path}: {len(missing)} files of the release {RELEASE} are not in it "
            f"({', '.join(missing[:_SHOWN])}{more}); expected data/neural and data/stimuli. Is it "
            "complete?"
        )
    return found


def _read_members(archive: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    try:
        yield from archive
    except (tarfile.TarError, ValueError, EOFError, OverflowError) as error:
        raise FetchError(f"{path}: damaged or cut short ({error}); bring it again") from error
    except OSError as error:
        raise FetchError(f"{path}: cannot be read ({error.strerror or error})") from error


def _problem(member: tarfile.TarInfo) -> str | None:
    """Return what makes a member one that no release has; None if nothing does."""
    parts = re.split(r"[/\\]", member.name)
    if not parts[0] or re.match(r"[A-Za-z]:", member.name):
        return "has an absolute path"
    if ".." in parts:
        return "leads out of the archive's folder ('..')"
    if member.issym() or member.islnk():
        return f"is a link (to {member.linkname!r})"
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or member.issparse():
        return "is a device or another special file"
    if member.size > LARGEST_MEMBER:
        return f"has {member.size} bytes, more than {LARGEST_MEMBER}"
    return None


def _place(name: str) -> PurePosixPath | None:
    """Return a member's place in the release: without the folders around; None if too deep."""
    parts = PurePosixPath(name).parts  # without "./"
    return PurePosixPath(*parts[-3:]) if 3 <= len(parts) <= 3 + _DEEPEST else None


def _member_error(path: Path, member: tarfile.TarInfo, problem: str) -> FetchError:
    return FetchError(
        f"{path}: its member {member.name!r} {problem}; expected plain files and folders of the "
        f"release {RELEASE}. Nothing of it is used; bring it again, or give a folder that you "
        "unpacked and looked at"
    )
