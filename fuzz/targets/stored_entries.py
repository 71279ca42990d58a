"""What heschl keeps on disk: stored arrays, and lists of what is installed.

Of a stored entry DamagedEntryError is all that may come; lists that are damaged count as none.
Parts carry their hash in their names: ``@0`` and ``@1`` in the manifest stand for those of the
files ``0`` and ``1`` of an input.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

import places
from heschl import releases
from heschl.errors import DamagedEntryError
from heschl.models.weights.receipt import is_there, read_receipt
from heschl.store import ArrayEntry
from heschl.tasks.clip_index import ClipIndex

LISTS = ("release.json", "installed.json", "facts.txt")


def check(content: bytes) -> None:
    """Read bytes as a stored entry, and as the lists."""
    files = places.parts(content)
    with places.folder() as folder:
        _check_entry(folder / "entry", files)
        _check_lists(folder / "lists", files)


def _check_entry(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    manifest = files.get("manifest.json", b"")
    for index in ("0", "1"):
        if index in files:
            digest = hashlib.sha256(files[index]).hexdigest()
            name = f"{int(index):06d}-{digest}.safetensors"
            (folder / name).write_bytes(files[index])
            manifest = manifest.replace(f"@{index}".encode(), name.encode())
    (folder / "manifest.json").write_bytes(manifest)
    try:
        stored = ArrayEntry(folder).open()
    except DamagedEntryError:
        return
    try:
        arrays = {name: stored[name] for name in stored}
    except (TypeError, ValueError):  # types that numpy has not, rows of several shapes:
        return  # the hashes are right, but heschl writes none of these
    shapes = {name: stored.shape(name) for name in stored}
    for name, array in arrays.items():
        if shapes[name] != array.shape:
            raise AssertionError(f"{name}: {shapes[name]}, but {array.shape} was read")
    again = ArrayEntry(folder.with_name("again"))
    again.write_part(0, arrays)
    again.commit(1, stored.description)
    for name, array in again.open().items():
        np.testing.assert_array_equal(array, arrays[name])


def _check_lists(folder: Path, files: dict[str, bytes]) -> None:
    places.write(folder, files, LISTS)
    installed = releases.read(folder)
    if installed is not None:
        installed.is_unaltered(hashed=False)
    receipt = read_receipt(folder)
    if receipt is not None:
        for kept in receipt.files.values():
            is_there(folder, kept, hashed=False)
    ClipIndex(folder / "facts.txt")
