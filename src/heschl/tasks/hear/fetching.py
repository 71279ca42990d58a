"""An official task is brought to this machine: its archive is downloaded, unpacked and removed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from heschl import releases, store
from heschl.errors import FetchError, InputError, StoreError
from heschl.fetch import (
    FetchPlan,
    PlannedFile,
    RemoteFile,
    check_pin,
    download,
    is_offline,
    pin,
    plan,
)
from heschl.tasks.hear.loading import load
from heschl.tasks.hear.unpacking import Wanted, check_archive, copy_folder, unpack
from heschl.tasks.spec import duration_in_words
from heschl.tasks.task import Task

log = logging.getLogger("heschl")

#: Where the archives are published.
RECORD = "https://zenodo.org/records/6332517/files"
SAMPLE_RATE = 48_000  # Hz, of all clips in the archives
BYTES_PER_SAMPLE = 2

#: The archive takes at least so much of what is in it; it is removed when that is unpacked.
ARCHIVE_SHARE = 0.6


@dataclass(frozen=True)
class Release:
    """A published task.

    Attributes
    ----------
    task : str
        What a user types.
    name : str
        In the release, also of its folder.
    n_clips : int
    seconds : float
        Of audio, all clips together.
    licence, citation : str
    """

    task: str
    name: str
    n_clips: int
    seconds: float
    licence: str
    citation: str

    @property
    def archive(self) -> str:
        """Name of the archive."""
        return f"hear2021-{self.name}-{SAMPLE_RATE}.tar.gz"

    @property
    def url(self) -> str:
        """Where the archive is published."""
        return f"{RECORD}/{self.archive}"

    @property
    def n_bytes(self) -> int:
        """About how many bytes the clips take when they are unpacked."""
        return round(self.seconds * SAMPLE_RATE * BYTES_PER_SAMPLE)

    def folder(self) -> Path:
        """Return where it is, or would be, on this machine."""
        return store.home() / "tasks" / self.name

    def wanted(self) -> Wanted:
        """Return what is to be looked for in a copy of it."""
        return Wanted(self.name, self.n_clips, self.n_bytes)

    def size(self) -> str:
        """Say in words what it takes."""
        return (
            f"{self.n_clips:,} clips, {duration_in_words(self.seconds)} of audio, about "
            f"{self.n_bytes / 1e9:.1f} GB unpacked"
        )


@dataclass(frozen=True)
class TaskPlan(FetchPlan):
    """What of a task is to be downloaded, and what it takes once it is unpacked.

    Attributes
    ----------
    size : str
        In words.
    """

    size: str = ""

    def summary(self) -> str:
        """Say in one line what is missing and how large the task is."""
        return f"{super().summary()}; {self.size}"


def fetch_plan(release: Release) -> TaskPlan:
    """Decide what is to be downloaded; nothing is requested or changed.

    Returns
    -------
    TaskPlan
        Of the archive, which is not kept: with the task unpacked it counts as present.
    """
    if _is_installed(release, hashed=False):
        file = PlannedFile(_remote_file(release), "present")
        return TaskPlan(release.task, release.folder(), (file,), _pins(), release.size())
    return _archive_plan(release)


def _archive_plan(release: Release) -> TaskPlan:
    found = plan(release.task, [_remote_file(release)], release.folder(), pins=_pins())
    return TaskPlan(found.name, found.folder, found.files, found.pins, release.size())


def _remote_file(release: Release) -> RemoteFile:
    def check(path: Path) -> None:
        check_archive(path, release.wanted())

    return RemoteFile(release.url, Path(release.archive), None, check=check)


def _pins() -> Path:
    return store.home() / "pins.txt"


def fetch(release: Release, source: Path | None = None) -> Path:
    """Bring a task to this machine.

    Parameters
    ----------
    release : Release
    source : Path, optional
        A local copy: the archive as published, or a folder with what is in it at any level. It is
        copied, so that what heschl has stays as it was checked; a copy that is to be used where it
        is can be named by its path wherever a task is asked for. By default the archive is
        downloaded, if the task is not here unaltered.

    Returns
    -------
    Path
        Where it is: below ``data``. The archive is not kept.

    Raises
    ------
    FetchError
        If the download fails; if the archive or folder is not the whole task, or another; if a
        member of the archive is a link or would be written elsewhere; or if its hash is not the
        pinned one.
    OfflineError
        If it is missing and ``HESCHL_OFFLINE`` is set.
    StoreError
        If the disk is too small, or cannot be written.
    """
    root = release.folder()
    with releases.alone(root):
        if source is not None:
            _install_copy(release, Path(source).expanduser())
        elif not _is_installed(release, hashed=True):
            archive = _downloaded(release)
            _install_archive(release, archive)
            archive.unlink()
    return root


def load_release(release: Release) -> Task:
    """Return an official task, after it is brought if it is not here.

    Sizes of its files are compared, not hashes: it is quick.
    """
    if not _is_installed(release, hashed=False):
        fetch(release)
    found = releases.read(release.folder())
    if found is None:
        raise StoreError(f"{release.folder()}: was removed while it was read; try again")
    return load(
        found.root / releases.DATA,
        name=release.task,
        citation=release.citation,
        licence=release.licence,
        source={
            "url": release.url,
            "release": release.name,
            "archive_sha256": found.archive_sha256,
        },
    )


def _is_installed(release: Release, *, hashed: bool) -> bool:
    """Whether the task is here; ``hashed`` compares every byte."""
    found = releases.read(release.folder())
    if found is None or not found.files:
        return False
    return found.is_unaltered(hashed=hashed, label=f"Checking {release.task}" if hashed else None)


def _downloaded(release: Release) -> Path:
    """Return the archive, after saying what it takes and looking whether there is room."""
    todo = _archive_plan(release)
    if todo.todo and not is_offline():
        log.warning("%s: %s, and less for the archive until then", release.task, release.size())
        needed = round((1 + ARCHIVE_SHARE) * release.n_bytes) - todo.files[0].partial
        store.check_space(release.folder(), needed)
    return download(todo) / release.archive


def _install_copy(release: Release, source: Path) -> None:
    if source.is_dir():
        _install(release, source, lambda to: copy_folder(source, to, release.wanted()), None)
    elif source.is_file():
        sha256 = releases.source_sha256(source)
        check_pin(_pins(), release.url, sha256)
        check_archive(source, release.wanted())
        _install_archive(release, source)
        pin(_pins(), release.url, sha256)
    else:
        raise FetchError(
            f"{source} is not there; expected {release.archive}, or a folder with what is in it"
        )


def _install_archive(release: Release, archive: Path) -> None:
    sha256 = releases.source_sha256(archive)
    _install(release, archive, lambda to: unpack(archive, to, release.wanted()), sha256)


def _install(
    release: Release, source: Path, fill: Callable[[Path], object], sha256: str | None
) -> None:
    """Install what ``fill`` writes, once labels and files have been checked against each other."""

    def fill_and_check(folder: Path) -> None:
        fill(folder)
        try:
            load(folder, name=release.task)
        except InputError as error:
            reason = str(error).replace(str(folder), release.name)
            raise FetchError(
                f"{source}: not the release {release.name} as published: {reason}. Nothing of it "
                "was kept"
            ) from error

    def write_manifest(data: Path) -> None:
        files = sorted(
            PurePosixPath(path.relative_to(data).as_posix())
            for path in data.rglob("*")
            if path.is_file()
        )
        releases.write(release.folder(), release.url, sha256, files)

    releases.install(release.folder(), fill_and_check, write_manifest)
