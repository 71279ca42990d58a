"""How a release gets to its place: filled elsewhere, moved when it is whole, by one process."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from heschl import store
from heschl.errors import FetchError
from heschl.fetch.claims import claimed
from heschl.releases.manifest import DATA, MANIFEST

_CHUNK = 1 << 20


def install(
    root: Path, fill: Callable[[Path], object], write_manifest: Callable[[Path], object]
) -> None:
    """Fill a new folder, put it in the place of the old one, and write the manifest.

    What a killed process left half-filled is removed first.

    Parameters
    ----------
    root : Path
        Of the release; it is there, and held with `alone`.
    fill : function of a path
        Writes the files of the release into a folder that is there and empty.
    write_manifest : function of a path
        Is given the folder of the files when they are in their place.

    Raises
    ------
    StoreError
        If something cannot be written; what was there before is kept, unless it fails between the
        two moves.
    """
    for left in (*root.glob(".*.tmp"), *root.glob(".*.old")):
        shutil.rmtree(left, ignore_errors=True)
    fresh = root / f".{secrets.token_hex(8)}.tmp"
    old = fresh.with_suffix(".old")
    try:
        with store.writing(root):
            fresh.mkdir()
            fill(fresh)
            (root / MANIFEST).unlink(missing_ok=True)
            if (root / DATA).exists():
                (root / DATA).rename(old)
            fresh.rename(root / DATA)
            write_manifest(root / DATA)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Let no other process install the release meanwhile; its folder is created.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    store.make_folder(root)
    with store.writing(root), claimed(root / "fetching.lock", threading.Event()):
        yield


def copy_stream(stream: IO[bytes], to: Path) -> int:
    """Write what a stream holds to a new file, a piece at a time; return the number of bytes."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("xb") as target:
        shutil.copyfileobj(stream, target, _CHUNK)
        return target.tell()


def source_sha256(source: Path) -> str:
    """Return the SHA-256 of a local copy; FetchError if it cannot be read."""
    try:
        return store.file_sha256(source)
    except OSError as error:
        raise FetchError(f"{source}: cannot be read ({error.strerror or error})") from error
