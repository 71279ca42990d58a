"""Bringing the weights of a model to this machine: one folder for each model."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from heschl import store
from heschl.errors import FetchError, OfflineError, StoreError, UsageError
from heschl.fetch import FetchPlan, PlannedFile, RemoteFile, download, is_offline
from heschl.fetch.claims import claimed
from heschl.fetch.planning import expected_sha256, look_at
from heschl.models.weights.contents import CONVERTED
from heschl.models.weights.conversion import original_of, write_converted
from heschl.models.weights.copies import take_copy
from heschl.models.weights.kinds import checked
from heschl.models.weights.receipt import Kept, Receipt, is_there, read_receipt
from heschl.models.weights.weights import Weights

if TYPE_CHECKING:
    from heschl.models.base import ModelSpec

log = logging.getLogger("heschl")


def folder(spec: ModelSpec) -> Path:
    """Return where the weights of a model are, or would be, on this machine."""
    return store.home() / "models" / spec.name


def pins() -> Path:
    """Return where hashes pinned on first use are kept."""
    return store.home() / "pins.txt"


def fetch_plan(spec: ModelSpec) -> FetchPlan:
    """Decide what is to be downloaded; nothing is requested or changed.

    Parameters
    ----------
    spec : ModelSpec

    Returns
    -------
    FetchPlan
        Every file that is there has been hashed. What was converted need not be there in its
        released form: unaltered it counts as present.

    Raises
    ------
    UsageError
        If the model has no weights.
    FetchError
        If the file of pins cannot be understood.
    """
    weights = published(spec)
    files = tuple(_look_at(spec, checked(file)) for file in weights.files)
    return FetchPlan(spec.name, folder(spec), files, pins())


def fetch(spec: ModelSpec, source: Path | None = None, *, accept_license: bool = False) -> Path:
    """Bring the weights of a model to this machine.

    Parameters
    ----------
    spec : ModelSpec
    source : Path, optional
        A local copy: a folder with the released files; the file itself, where there is one; the
        archive that they are members of. By default they are downloaded, if they are not here.
    accept_license : bool, optional
        Whether the user accepts the licence; needed once where it restricts what may be done.

    Returns
    -------
    Path
        The folder with the released files, or what they were converted to.

    Raises
    ------
    UsageError
        If the model has no weights, or if their licence has to be accepted and was not.
    FetchError
        If the download fails, the copy has not all files, a hash is not the published or pinned
        one, or no address of the files is known.
    OfflineError
        If files are missing and ``HESCHL_OFFLINE`` is set.
    InputError
        If a file that is to be converted is no whole checkpoint.
    StoreError
        If they cannot be written.
    """
    weights = published(spec)
    check_licence(spec, accept_license=accept_license)
    home = folder(spec)
    with _alone(home):
        if source is not None:
            _show_licence(spec)
            take_copy(fetch_plan(spec), weights, Path(source).expanduser())
        else:
            planned = fetch_plan(spec)
            if planned.todo:
                check_address(spec)
                _show_licence(spec)
                _check_space(planned, weights)
            download(planned)
        kept = {file.path.as_posix(): _keep(file, weights, home) for file in weights.files}
        Receipt(weights.licence, weights.accept, kept).write(home)
        for path in kept:
            if kept[path].path != path:  # what was converted may go, now that this is noted
                (home / path).unlink(missing_ok=True)
    return home


def installed(spec: ModelSpec) -> Path | None:
    """Return the folder of the weights of a model; None if they are not all there.

    Sizes are compared, not hashes: it is quick.
    """
    weights = published(spec)
    receipt = read_receipt(folder(spec))
    if receipt is None or (weights.accept and not receipt.accepted):
        return None
    for file in weights.files:
        kept = receipt.files.get(file.path.as_posix())
        if kept is None or not is_there(folder(spec), kept, hashed=False):
            return None
        if file.sha256 is not None and kept.released != file.sha256:
            return None
    return folder(spec)


def check_available(spec: ModelSpec) -> None:
    """Refuse, before any long work, weights that are not here and cannot be brought.

    Raises
    ------
    UsageError
        If their licence has to be accepted first.
    FetchError
        If no address of the files is known.
    OfflineError
        If files are missing and ``HESCHL_OFFLINE`` is set.
    """
    if installed(spec) is not None:
        return
    check_licence(spec, accept_license=False)
    check_address(spec)
    if is_offline() and fetch_plan(spec).todo:
        raise OfflineError(
            f"the weights of {spec.name} are not here ({folder(spec)}) and HESCHL_OFFLINE is set; "
            f"run `heschl fetch {spec.name}` with a network, or `heschl fetch {spec.name} --from "
            "FILE` with a copy of them"
        )


def check_licence(spec: ModelSpec, *, accept_license: bool) -> None:
    """Refuse weights whose licence has to be accepted and was not; it is remembered.

    Raises
    ------
    UsageError
    """
    weights = published(spec)
    if not weights.accept or accept_license:
        return
    receipt = read_receipt(folder(spec))
    if receipt is None or not receipt.accepted or receipt.licence != weights.licence:
        raise UsageError(
            f"the weights of {spec.name} are under this licence: {weights.licence}. If you accept "
            f"it, run `heschl fetch {spec.name} --accept-license` once"
        )


def published(spec: ModelSpec) -> Weights:
    """Return what is published of a model.

    Raises
    ------
    UsageError
        If it has no weights.
    """
    if spec.weights is None:
        raise UsageError(f"{spec.name} has no weights: nothing of it is learned")
    return spec.weights


def check_address(spec: ModelSpec) -> None:
    """Refuse to download what has no address that is known.

    Raises
    ------
    FetchError
    """
    weights = published(spec)
    if weights.by_hand is not None:
        raise FetchError(
            f"the weights of {spec.name} are not published under a direct address: "
            f"{weights.by_hand} from {weights.files[0].url} and run `heschl fetch {spec.name} "
            "--from FILE`"
        )


def _show_licence(spec: ModelSpec) -> None:
    log.warning("licence of the weights of %s: %s", spec.name, published(spec).licence)


def _look_at(spec: ModelSpec, file: RemoteFile) -> PlannedFile:
    planned = look_at(file, folder(spec), pins())
    if planned.state != "present" and _converted(spec, file):
        return replace(planned, state="present")
    return planned


def _converted(spec: ModelSpec, file: RemoteFile) -> bool:
    """Whether what a file was converted to is here, unaltered."""
    receipt = read_receipt(folder(spec))
    kept = None if receipt is None else receipt.files.get(file.path.as_posix())
    if kept is None or kept.path == file.path.as_posix():
        return False
    known = expected_sha256(file, pins())
    return known in (None, kept.released) and is_there(folder(spec), kept, hashed=True)


def _check_space(planned: FetchPlan, weights: Weights) -> None:
    """Refuse a download that does not fit; what is converted is there twice for a while."""
    if planned.n_bytes is not None:
        n_copies = 2 if weights.convert else 1
        store.check_space(store.make_folder(planned.folder), n_copies * planned.n_bytes)


def _keep(file: RemoteFile, weights: Weights, home: Path) -> Kept:
    """Convert a released file where that is needed, and note what is kept of it."""
    released = home / file.path
    if not weights.convert:
        sha256 = store.file_sha256(released)
        return Kept(file.path.as_posix(), released.stat().st_size, sha256, sha256)
    converted = released.with_suffix(CONVERTED)
    if released.is_file():
        write_converted(released, converted, keep=weights.keep)
    original = original_of(converted)
    if original is None:
        raise FetchError(f"{converted}: is damaged; remove it and fetch the model again")
    path = converted.relative_to(home).as_posix()
    sha256 = store.file_sha256(converted)
    return Kept(path, converted.stat().st_size, sha256, str(original["sha256"]))


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Let no other process install the model meanwhile."""
    store.make_folder(home)
    try:
        with claimed(home / "fetching.lock", threading.Event()):
            yield
    except OSError as error:
        raise StoreError(
            f"cannot write {home}: {error.strerror or error}. Free some space or set HESCHL_HOME "
            "to a folder that you may write (what was finished is kept)"
        ) from error
