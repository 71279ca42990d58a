"""Bringing the weights of a model to this machine: one folder for each model."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from heschl import store
from heschl.errors import FetchError, StoreError
from heschl.fetch import FetchPlan, RemoteFile, download
from heschl.fetch.claims import claimed
from heschl.models.weights.availability import check_address, check_licence, fetch_plan
from heschl.models.weights.contents import CONVERTED
from heschl.models.weights.conversion import original_of, write_converted
from heschl.models.weights.copies import take_copy
from heschl.models.weights.places import folder, published
from heschl.models.weights.receipt import Kept, Receipt
from heschl.models.weights.weights import Weights

if TYPE_CHECKING:
    from heschl.models.base import ModelSpec

log = logging.getLogger("heschl")


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


def _show_licence(spec: ModelSpec) -> None:
    log.warning("licence of the weights of %s: %s", spec.name, published(spec).licence)


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
