"""The release is brought to this machine once, for all three datasets."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from heschl import store
from heschl.brain.mcdermott.archive import check_archive, unpack
from heschl.brain.mcdermott.copying import copy_folder
from heschl.brain.mcdermott.manifest import (
    DATA,
    MANIFEST,
    Manifest,
    is_unaltered,
    read_manifest,
    write_manifest,
)
from heschl.brain.mcdermott.release import ARCHIVE, URL, folder, pins
from heschl.errors import FetchError, StoreError
from heschl.fetch import FetchPlan, PlannedFile, RemoteFile, check_pin, download, pin, plan
from heschl.fetch.claims import claimed


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
    with _alone():
        if source is not None:
            _install_copy(Path(source).expanduser())
        elif not is_installed(hashed=True):
            archive = download(_archive_plan(name)) / ARCHIVE
            _install(lambda target: unpack(archive, target), store.file_sha256(archive))
            archive.unlink()
    return folder()


def installed(name: str) -> Manifest:
    """Return what is installed, after the release is brought if it is not here.

    Sizes are compared, not hashes: it is quick.
    """
    if not is_installed(hashed=False):
        fetch(name)
    manifest = read_manifest()
    if manifest is None:
        raise StoreError(f"{folder()}: was removed while it was read; try again")
    return manifest


def is_installed(*, hashed: bool) -> bool:
    """Whether the release is here; ``hashed`` compares every byte."""
    manifest = read_manifest()
    return manifest is not None and is_unaltered(manifest, hashed=hashed)


def _install_copy(source: Path) -> None:
    if source.is_dir():
        _install(lambda target: copy_folder(source, target), None)
        return
    if not source.is_file():
        raise FetchError(
            f"{source} is not there; expected data.tar, or a folder with what is in it"
        )
    sha256 = _source_sha256(source)
    check_pin(pins(), URL, sha256)
    check_archive(source)
    pin(pins(), URL, sha256)
    _install(lambda target: unpack(source, target), sha256)


def _source_sha256(source: Path) -> str:
    try:
        return store.file_sha256(source)
    except OSError as error:
        raise FetchError(f"{source}: cannot be read ({error.strerror or error})") from error


def _install(fill: Callable[[Path], None], archive_sha256: str | None) -> None:
    """Let ``fill`` write the files into a new folder, and put that in the place of the old one."""
    root = folder()
    fresh = root / f".{secrets.token_hex(8)}.tmp"
    old = fresh.with_suffix(".old")
    try:
        fresh.mkdir()
        fill(fresh)
        (root / MANIFEST).unlink(missing_ok=True)
        if (root / DATA).exists():
            (root / DATA).rename(old)
        fresh.rename(root / DATA)
        write_manifest(root, archive_sha256, root / DATA)
    except OSError as error:
        raise _cannot_write(root, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let no other process install the release meanwhile."""
    root = store.make_folder(folder())
    try:
        with claimed(root / "fetching.lock", threading.Event()):
            yield
    except OSError as error:
        raise _cannot_write(root, error) from error


def _cannot_write(root: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write {root}: {error.strerror or error}. Free some space or set HESCHL_HOME to a "
        "folder that you may write (nothing half-written was left)"
    )
