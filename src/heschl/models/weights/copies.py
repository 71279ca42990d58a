"""Weights from a local copy of the released files, instead of a download."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from heschl import store
from heschl.errors import FetchError
from heschl.fetch import FetchPlan, RemoteFile, check_pin, install_members, pin
from heschl.models.weights.weights import Weights


def take_copy(plan: FetchPlan, weights: Weights, source: Path) -> None:
    """Copy released files to the folder of a plan, after comparing hashes.

    Parameters
    ----------
    plan : FetchPlan
    weights : Weights
    source : Path
        A folder with all files under their released names, or one file; of an archive see
        `install_members`.

    Raises
    ------
    FetchError
        If a file is missing, cannot be read, or has another hash than the published or pinned one;
        nothing was copied then.
    StoreError
        If the copy cannot be written.
    """
    if weights.archive is None:
        copy_files(plan, source)
    else:
        install_members(plan, source)


def copy_files(plan: FetchPlan, source: Path) -> None:
    """Copy files that are published by themselves; parameters and errors as of `take_copy`."""
    found = _found(plan, source)
    hashes = {file: _checked(plan, file, path) for file, path in found.items()}
    store.make_folder(plan.folder)
    store.check_space(plan.folder, sum(path.stat().st_size for path in found.values()))
    for file, path in found.items():
        _copy(path, plan.folder / file.path, hashes[file])
        if file.sha256 is None and plan.pins is not None:
            pin(plan.pins, file.origin, hashes[file])


def _found(plan: FetchPlan, source: Path) -> Mapping[RemoteFile, Path]:
    """Return where the copy has each file; of several, one alone will do if the others are here."""
    files = [planned.file for planned in plan.files]
    if source.is_dir():
        places = {file: _place(source, file) for file in files}
        missing = [file for file, place in places.items() if place is None]
        if missing:
            raise _incomplete(plan, source, missing)
        return {file: place for file, place in places.items() if place is not None}
    if not source.is_file():
        raise FetchError(f"{source} is not there; expected {_names(files)}, or a folder with it")
    if len(files) == 1:
        return {files[0]: source}
    wanted = [file for file in files if file.path.name == source.name]
    missing = [planned.file for planned in plan.todo if planned.file not in wanted]
    if not wanted or missing:
        raise _incomplete(plan, source, missing or files)
    return dict.fromkeys(wanted, source)


def _place(source: Path, file: RemoteFile) -> Path | None:
    for place in (source / file.path, source / file.path.name):
        if place.is_file():
            return place
    return None


def _incomplete(plan: FetchPlan, source: Path, missing: list[RemoteFile]) -> FetchError:
    return FetchError(
        f"{source}: no {_names(missing)} there; {plan.name} needs "
        f"{_names([planned.file for planned in plan.files])}. Give a folder with all of them; "
        "nothing was copied"
    )


def _names(files: list[RemoteFile]) -> str:
    return ", ".join(file.path.name for file in files)


def _checked(plan: FetchPlan, file: RemoteFile, path: Path) -> str:
    """Return the hash of a copy, after it was compared with what is known of the file."""
    try:
        size, sha256 = path.stat().st_size, store.file_sha256(path)
    except OSError as error:
        raise FetchError(f"{path}: cannot be read ({error.strerror or error})") from error
    if file.sha256 not in (None, sha256) or file.size not in (None, size):
        expected = file.sha256 or f"of {file.size} bytes"
        raise FetchError(
            f"{path}: {size} bytes with SHA-256 {sha256}; the published file is {expected}. It is "
            "another version, or damaged; nothing was copied"
        )
    if file.check is not None:
        try:
            file.check(path)
        except FetchError as error:
            raise FetchError(f"{path}: not the published file: {error}") from error
    if file.sha256 is None and plan.pins is not None:
        check_pin(plan.pins, file.origin, sha256)
    return sha256


def _copy(path: Path, target: Path, sha256: str) -> None:
    """Copy a file in one step; what is there must be what was hashed."""
    if target.exists() and target.samefile(path):
        return

    def write(temporary: Path) -> None:
        shutil.copyfile(path, temporary)
        if store.file_sha256(temporary) != sha256:
            raise FetchError(f"{path}: changed while it was copied; nothing was kept of it")

    store.write_atomic(target.parent, target.name, write)
