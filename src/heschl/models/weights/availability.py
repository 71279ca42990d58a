"""What is here of the weights of a model, and what may be brought; nothing is changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from heschl.errors import FetchError, OfflineError, UsageError
from heschl.fetch import FetchPlan, PlannedFile, RemoteFile, is_offline
from heschl.fetch.planning import expected_sha256, look_at
from heschl.models.weights.kinds import checked
from heschl.models.weights.places import folder, pins, published
from heschl.models.weights.receipt import is_there, read_receipt

if TYPE_CHECKING:
    from heschl.models.base import ModelSpec


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
