"""Results of a study on disk: a folder is there whole, or not at all."""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
from pathlib import Path

from heschl import store
from heschl.errors import HeschlError, StoreError
from heschl.results import FILE, Results

#: Folder in that of the results with what is not whole yet, or not any more.
MAKING = ".making"

log = logging.getLogger("heschl")


def is_whole(place: Path) -> bool:
    """Whether a result is there, undamaged."""
    if not (place / FILE).is_file():
        return False
    try:
        Results.load(place)
    except HeschlError as error:
        log.warning("%s will be computed again: %s", place.name, error)
        return False
    return True


def keep(found: Results, place: Path, *, alone: bool = True) -> None:
    """Write a result beside its place and move it there in one step.

    Where locks do not work, or a machine that was cut off comes back, another process may have put
    the same result there meanwhile: that one stays.

    Parameters
    ----------
    found : Results
    place : Path
    alone : bool, optional
        Whether whoever calls holds the lock of the place, so that what is half-written beside it is
        of a process that was killed, and is removed.

    Raises
    ------
    InputError, StoreError
        As `Results.save`.
    """
    for left in (place.parent / MAKING).glob(f"{place.name}-*") if alone else ():
        shutil.rmtree(left, ignore_errors=True)
    made = _beside(place)
    try:
        found.save(made)
        if not is_whole(place):
            with store.writing(place):
                _set_aside(place)
                made.rename(place)
    except StoreError:
        if not is_whole(place):  # no other process was faster: it is the disk that refuses
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _set_aside(place: Path) -> None:
    """Remove what is damaged, at once for all who look."""
    aside = _beside(place)
    if place.exists():
        store.make_folder(aside.parent)
    with contextlib.suppress(FileNotFoundError):
        place.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _beside(place: Path) -> Path:
    """Return a new name on the same file system.

    In a folder of its own, because that of the results may hold tens of thousands.
    """
    return place.parent / MAKING / f"{place.name}-{secrets.token_hex(4)}"
