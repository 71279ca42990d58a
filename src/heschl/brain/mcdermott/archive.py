"""The published archive: every member is checked before a byte is written."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from heschl.brain.mcdermott.release import RELEASE, wanted_files
from heschl.errors import FetchError
from heschl.releases import TarRules

#: Bytes. The largest file of the release, 192 x 26,792 x 3 float64, has 123 MB; all have 200 MB.
LARGEST_MEMBER = 300_000_000
LARGEST_TOTAL = 1_000_000_000
MOST_MEMBERS = 100_000

#: Folders that the archive may have around ``neural`` and ``stimuli``.
_DEEPEST = 2
_SHOWN = 5


def _rules() -> TarRules:
    return TarRules(
        f"the release {RELEASE}",
        compressed=False,
        largest_member=LARGEST_MEMBER,
        largest_total=LARGEST_TOTAL,
        most_members=MOST_MEMBERS,
    )


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
    rules = _rules()
    with rules.opened(path) as archive:
        _members(rules, archive, path)


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
    rules = _rules()
    with rules.opened(path) as archive:
        for wanted, member in _members(rules, archive, path).items():
            rules.write(archive, member, target / wanted, path)


def _members(
    rules: TarRules, archive: tarfile.TarFile, path: Path
) -> Mapping[PurePosixPath, tarfile.TarInfo]:
    """Check all members; return the wanted ones, by their place in the release."""
    wanted = frozenset(wanted_files())
    found: dict[PurePosixPath, tarfile.TarInfo] = {}
    for member in rules.members(archive, path):
        place = _place(member.name)
        if place not in wanted or not member.isfile():
            continue
        if place in found:
            raise rules.refusal(path, member, f"is a second {place}")
        found[place] = member
    missing = [str(place) for place in wanted_files() if place not in found]
    if missing:
        more = ", ..." if len(missing) > _SHOWN else ""
        raise FetchError(
            f"{path}: {len(missing)} files of the release {RELEASE} are not in it "
            f"({', '.join(missing[:_SHOWN])}{more}); expected data/neural and data/stimuli. Is it "
            "complete?"
        )
    return found


def _place(name: str) -> PurePosixPath | None:
    """Return a member's place in the release: without the folders around; None if too deep."""
    parts = PurePosixPath(name).parts  # without "./"
    return PurePosixPath(*parts[-3:]) if 3 <= len(parts) <= 3 + _DEEPEST else None
