"""The restricted unpickler, by all its doors: plain values, records, tensors, pickled tables.

Plain values must be those that Python's own reader gives, and nothing that a pickle names is run:
`fire` below is named by seeds, and must never be called.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Iterator
from typing import Any

import places
from heschl.brain.mcdermott.pickled_table import read_table
from heschl.errors import InputError
from heschl.pickles import read_inert
from heschl.pickles.inert import FAULTS
from heschl.pickles.plain import decode, encode
from heschl.pickles.plain_makers import PlainMakers
from heschl.pickles.storages import Storages
from heschl.pickles.tensors import MAKERS

COLUMNS = ("voxel_id", "hemi", "x_ras")
FIRED: list[str] = []


def fire(*_: object) -> None:
    """Note that a pickle was run."""
    FIRED.append("run")


class _NoNames(pickle._Unpickler):
    """Python's reader in Python, which finds no name; that in C reads past false frames."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError(f"{pid}")


def check(content: bytes) -> None:
    """Give bytes to every reader of pickles."""
    _check_plain(content)
    _check_records(content)
    _check_table(content)
    if FIRED:
        raise AssertionError("something of a pickle was run")


def _check_plain(content: bytes) -> None:
    """InputError and the faults that `read_inert` lists; what it gives is what pickle gives."""
    try:
        found = read_inert(content, allowed=())
    except FAULTS:
        return
    try:
        expected = _NoNames(io.BytesIO(content)).load()
    except FAULTS:  # it refuses false lengths of frames, on which nothing depends
        return
    for ours, theirs in _pairs(found, expected):
        if not _alike(ours, theirs):
            raise AssertionError(f"{ours!r:.200} was read; pickle reads {theirs!r:.200}")


def _check_records(content: bytes) -> None:
    """InputError and the faults; JSON of it can be read again."""
    try:
        read_inert(content)
        makers = {**PlainMakers().makers, **MAKERS}
        tree = read_inert(content, makers=makers, persistent=Storages().find)
        encoded, tensors = encode(tree)
    except FAULTS:
        return
    decode(encoded, tensors.__getitem__)


def _check_table(content: bytes) -> None:
    """InputError only."""
    with places.folder() as folder:
        path = folder / "table.pkl"
        path.write_bytes(content)
        try:
            table = read_table(path, COLUMNS)
        except InputError:
            return
        if tuple(table.columns) != COLUMNS:
            raise AssertionError(f"columns {list(table.columns)}; expected {COLUMNS}")


def _pairs(ours: Any, theirs: Any) -> Iterator[tuple[Any, Any]]:
    """Go through two values side by side; what is shared is looked at once."""
    waiting, seen = [(ours, theirs)], set()
    while waiting:
        one, other = waiting.pop()
        yield one, other
        if (id(one), id(other)) in seen or type(one) is not type(other):
            continue
        seen.add((id(one), id(other)))
        if isinstance(one, list | tuple) and len(one) == len(other):
            waiting += zip(one, other, strict=True)
        elif isinstance(one, dict) and list(map(repr, one)) == list(map(repr, other)):
            waiting += zip(one.values(), other.values(), strict=True)


def _alike(ours: Any, theirs: Any) -> bool:
    """Whether two values are of one type and size, and alike if they hold no others."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, float):
        return ours == theirs or (math.isnan(ours) and math.isnan(theirs))
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs)
    if isinstance(ours, dict):
        return list(map(repr, ours)) == list(map(repr, theirs))
    if isinstance(ours, set | frozenset):
        return sorted(map(repr, ours)) == sorted(map(repr, theirs))
    return bool(ours == theirs)
