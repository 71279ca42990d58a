"""The release is brought to this machine once, for all three datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from heschl import releases, store
from heschl.brain.mcdermott.archive import check_archive, unpack
from heschl.brain.mcdermott.copying import copy_folder
from heschl.brain.mcdermott.manifest import read_manifest, write_manifest
from heschl.brain.mcdermott.release import ARCHIVE, URL, folder, pins
from heschl.errors import FetchError, StoreError
from heschl.fetch import FetchPlan, PlannedFile, RemoteFile, check_pin, download, pin, plan
from heschl.releases import Installed


def remote_file() -> RemoteFile:
    """Return the published archive; its hash is not published, so it is pinned on first use."""
    return RemoteFile(URL, Path(ARCHIVE), None, check=check_archive)


def fetch_plan(name: str) -> FetchPlan:
    """Decide what is to be downloaded; nothing is requested or changed.

    Parameters
    ----------
    name : str
        The dataset that is asked for; what is brought is the release of all three.

    Returns
    -------
    FetchPlan
        Of the archive. It need not be kept: unpacked and unaltered it counts as present.
    """
    if is_installed(hashed=True):
        return FetchPlan(name, folder(), (PlannedFile(remote_file(), "present"),), pins())
    return _archive_plan(name)


def _archive_plan(name: str) -> FetchPlan:
    return plan(name, [remote_file()], folder(), pins=pins())


def fetch(name: str, source: Path | None = None) -> Path:
    """Bring the release to this machine.

    Parameters
    ----------
    name : str
        The dataset that is asked for; what is brought is the release of all three.
    source : Path, optional
        A local copy: ``data.tar`` as published, or a folder with what is in it. By default the
        archive is downloaded, if the release is not here unaltered.

    Returns
    -------
    Path
        Where it is: below ``data`` as published. The archive is not kept.

    Raises
    ------
    FetchError
        If the download fails, if the archive or folder is not the whole release, if a member of the
        archive is a link or would be written elsewhere, or if its hash is not the pinned one.
    OfflineError
        If it is missing and ``HESCHL_OFFLINE`` is set.
    StoreError
        If the data cannot be written.
    """
    with releases.alone(folder()):
        if source is not None:
            _install_copy(Path(source).expanduser())
        elif not is_installed(hashed=True):
            archive = download(_archive_plan(name)) / ARCHIVE
            _install(lambda target: unpack(archive, target), store.file_sha256(archive))
            archive.unlink()
    return folder()


def installed(name: str) -> Installed:
    """Return what is installed, after the release is brought if it is not here.

    Sizes are compared, not hashes: it is quick.
    """
    if not is_installed(hashed=False):
        fetch(name)
    found = read_manifest()
    if found is None:
        raise StoreError(f"{folder()}: was removed while it was read; try again")
    return found


def is_installed(*, hashed: bool) -> bool:
    """Whether the release is here; ``hashed`` compares every byte."""
    found = read_manifest()
    return found is not None and found.is_unaltered(hashed=hashed)


def _install_copy(source: Path) -> None:
    if source.is_dir():
        _install(lambda target: copy_folder(source, target), None)
        return
    if not source.is_file():
        raise FetchError(
            f"{source} is not there; expected data.tar, or a folder with what is in it"
        )
    sha256 = releases.source_sha256(source)
    check_pin(pins(), URL, sha256)
    check_archive(source)
    pin(pins(), URL, sha256)
    _install(lambda target: unpack(source, target), sha256)


def _install(fill: Callable[[Path], None], archive_sha256: str | None) -> None:
    root = folder()
    releases.install(root, fill, lambda data: write_manifest(root, archive_sha256, data))
