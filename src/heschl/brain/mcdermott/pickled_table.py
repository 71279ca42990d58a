"""Tables that were pickled with pandas, read without pandas and without running anything.

Layouts of a DataFrame's pickle: blocks of columns of one type, each with the places of its columns
(pandas 1.3 to 3), or the same in the state of the manager of blocks (before; the release was made
with pandas 1.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.brain.mcdermott.decoding import decode_array, named
from heschl.brain.mcdermott.pickled_names import read_records
from heschl.errors import InputError
from heschl.pickles import Record

_INDEXES = ("Index", "Int64Index", "UInt64Index", "Float64Index")


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read columns of a pickled DataFrame of numbers and texts.

    Parameters
    ----------
    path : Path
        A pickle of protocol 2 to 5, written by any version of pandas since 1.0.
    columns : sequence of str
        Those that are wanted; the others are not decoded.

    Returns
    -------
    DataFrame
        With these columns; texts have the type object. Rows are counted from 0: the index of the
        pickled table is not kept.

    Raises
    ------
    InputError
        If it is no such table, is damaged or cut short, lacks a column, or names anything that a
        table of numbers and texts does not need; nothing is run.
    """
    table = read_records(path)
    try:
        return _decode(table, columns)
    except InputError as error:
        raise InputError(f"{path}: not the published table: {error}") from error
    except (LookupError, OverflowError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: not the published table ({type(error).__name__}: {error})"
        ) from error


def _decode(table: Any, columns: Sequence[str]) -> pd.DataFrame:
    if not named(table, "DataFrame"):
        raise InputError(f"holds {type(table).__name__}; expected a DataFrame")
    state: dict[str, Any] = table.state if isinstance(table.state, dict) else {}
    manager: Any = state.get("_mgr", state.get("_data"))
    if not named(manager, "BlockManager"):
        raise InputError("a DataFrame without columns")
    (column_index, row_index), blocks = _axes_and_blocks(manager)
    names = _labels(column_index)
    n_rows = _n_labels(row_index)
    places = {name: _place(names, name) for name in columns}
    out = pd.DataFrame(index=pd.RangeIndex(n_rows))
    found = _columns(blocks, set(places.values()), len(names))
    for name, place in places.items():
        values = found.get(place)
        if values is None or values.shape != (n_rows,):
            shape = None if values is None else values.shape
            raise InputError(f"column {name!r} has shape {shape}; expected {(n_rows,)}")
        out[name] = pd.Series(values, dtype=values.dtype.newbyteorder("="))
    return out


def _axes_and_blocks(manager: Record) -> tuple[Sequence[Any], list[tuple[Any, Any]]]:
    """Return [columns, rows] and the blocks, as pairs of values and places."""
    if len(manager.args) == 2:
        blocks, axes = manager.args
        for block in blocks:
            if not named(block, "_unpickle_block"):
                raise InputError("a DataFrame with a block of an unknown kind")
        return axes, [block.args[:2] for block in blocks]
    state = manager.state[3]["0.14.1"]  # the version of pandas that introduced this layout
    return state["axes"], [(block["values"], block["mgr_locs"]) for block in state["blocks"]]


def _labels(index: Any) -> list[Any]:
    """Return the labels of an index of columns."""
    kind, content = _index(index)
    if kind == "RangeIndex":
        raise InputError("a table whose columns have no names")
    labels = decode_array(content["data"])
    return list(labels.tolist())


def _n_labels(index: Any) -> int:
    """Return the number of labels of an index of rows."""
    kind, content = _index(index)
    if kind == "RangeIndex":
        return len(range(*(int(content[part]) for part in ("start", "stop", "step"))))
    return len(decode_array(content["data"]))


def _index(index: Any) -> tuple[str, dict[str, Any]]:
    """Return the kind of an index and what it was made of: ``_new_Index(class, {...})``."""
    if named(index, "_new_Index") and len(index.args) == 2:
        kind, content = index.args
        known = isinstance(kind, type) and issubclass(kind, Record)
        if known and kind.origin[1] in (*_INDEXES, "RangeIndex") and isinstance(content, dict):
            return kind.origin[1], content
    raise InputError("an index of an unknown kind; expected a plain one")


def _place(names: Sequence[Any], name: str) -> int:
    if names.count(name) != 1:
        shown = ", ".join(map(str, names[:20]))
        raise InputError(f"{names.count(name)} columns are named {name!r}; it has: {shown}")
    return names.index(name)


def _columns(
    blocks: Sequence[tuple[Any, Any]], wanted: set[int], n_columns: int
) -> dict[int, NDArray[Any]]:
    """Return the values of the wanted columns by their place; other blocks are not decoded."""
    found: dict[int, NDArray[Any]] = {}
    for values, locations in blocks:
        places = _places(locations, n_columns)
        if not wanted & set(places):
            continue
        rows = np.atleast_2d(decode_array(values))  # an array of strings is one column
        if len(rows) != len(places):
            raise InputError(f"a block of {len(rows)} columns with {len(places)} places")
        found |= {place: row for place, row in zip(places, rows, strict=True) if place in wanted}
    return found


def _places(locations: Any, n_columns: int) -> list[int]:
    """Return which columns a block holds: a slice, or an array of integers."""
    if named(locations, "slice"):
        return list(range(n_columns))[slice(*locations.args)]
    return [int(place) for place in decode_array(locations)]
