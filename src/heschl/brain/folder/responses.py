"""Responses in the formats that a user may have them in: CSV, Parquet, NetCDF, NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.brain.folder import tables
from heschl.brain.folder.netcdf import read_netcdf
from heschl.brain.folder.parquet import read_parquet
from heschl.brain.npy_file import read_npy
from heschl.errors import InputError

KEYS = ("sound", "target", "repeat")

#: A long table may leave cells out: so many in all, or so many times as many as its rows.
FEW_CELLS, LEAST_FILLED = 1 << 22, 100


@dataclass(frozen=True)
class Responses:
    """Responses and what their axes are.

    Attributes
    ----------
    values : ndarray of float64, shape (n_sounds, n_targets, n_repeats)
        nan where nothing was measured.
    sounds, targets : tuple of str, or None
        Names in order; None where the file holds none (``.npy``).
    """

    values: NDArray[np.float64] = field(repr=False)
    sounds: tuple[str, ...] | None
    targets: tuple[str, ...] | None


@dataclass(frozen=True)
class _Table:
    """A table split into its keys (text) and its numbers."""

    path: Path
    keys: dict[str, list[str]]  # those of KEYS that it has, each (n_rows,)
    columns: tuple[str, ...]  # the others
    values: NDArray[np.float64]  # (n_rows, n_columns)


def find_responses(folder: Path) -> Path:
    """Return the one file of responses in a folder.

    Raises
    ------
    InputError
        If there is none, or more than one.
    """
    found = [path for suffix in READERS if (path := folder / f"responses{suffix}").is_file()]
    if not found:
        raise InputError(
            f"{folder}: holds no responses; expected one of "
            + ", ".join(f"responses{suffix}" for suffix in READERS)
        )
    if len(found) > 1:
        raise InputError(
            f"{folder}: holds several files of responses: "
            f"{', '.join(path.name for path in found)}; keep one and move the others away"
        )
    return found[0]


def read_responses(path: Path) -> Responses:
    """Read a file of responses, by its suffix one of `READERS`.

    Raises
    ------
    InputError
        If it is unreadable or not laid out as documented.
    MissingDependencyError
        If reading it needs a package that is not installed.
    """
    return READERS[path.suffix](path)


def _read_csv(path: Path) -> Responses:
    with tables.open_rows(path) as (header, rows):
        keys, columns = _split(path, header)
        key_at = [header.index(name) for name in keys]
        value_at = [header.index(name) for name in columns]
        texts: list[list[str]] = [[] for _ in keys]
        values = []
        for number, row in enumerate(rows, start=1):
            for text, i in zip(texts, key_at, strict=True):
                text.append(row[i])
            cells = [row[i] for i in value_at]
            values.append(tables.numbers(cells, columns, f"{path}: row {number}"))
    matrix = np.stack(values) if values else np.empty((0, len(columns)))
    return _from_table(_Table(path, dict(zip(keys, texts, strict=True)), columns, matrix))


def _read_parquet(path: Path) -> Responses:
    frame = read_parquet(path)
    header = [str(name) for name in frame.columns]
    frame.columns = pd.Index(header)
    keys, columns = _split(path, header)
    for name in columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise InputError(
                f"{path}, column {name!r}: holds {frame[name].dtype}, not numbers; expected "
                "numbers in every column but sound, target and repeat"
            )
    matrix = frame[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan)
    texts = {name: [str(cell) for cell in frame[name]] for name in keys}
    return _from_table(_Table(path, texts, columns, matrix))


def _split(path: Path, header: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split the names of columns into keys and the others; refuse what is no known layout."""
    keys = tuple(name for name in KEYS if name in header)
    columns = tuple(name for name in header if name not in keys)
    if "sound" not in keys:
        raise InputError(
            f"{path}: has no column 'sound' but {tables.named(header)}; expected comma-separated "
            "columns sound, optionally repeat, and one for each target"
        )
    if "target" in keys and columns != ("response",):
        raise InputError(
            f"{path}: has a column 'target' and {tables.named(columns) or 'no other'}; a long "
            "table has the columns sound, target, response and optionally repeat (what describes "
            "the targets belongs into targets.csv)"
        )
    if not columns:
        raise InputError(f"{path}: has no column of a target beside {tables.named(keys)}")
    return keys, columns


def _from_table(table: _Table) -> Responses:
    """Take a table for long or wide by its columns."""
    if not len(table.values):
        raise InputError(f"{table.path}: holds no rows; expected responses")
    return _from_long(table) if "target" in table.keys else _from_wide(table)


def _repeats(table: _Table) -> tuple[list[int], NDArray[np.int64]]:
    """Return the repetitions in ascending order, and the place of each row's one, (n_rows,)."""
    if "repeat" not in table.keys:
        return [0], np.zeros(len(table.values), np.int64)
    numbers = tables.whole_numbers(table.keys["repeat"], "repeat", table.path)
    labels, place = np.unique(numbers, return_inverse=True)
    return [int(label) for label in labels], place.astype(np.int64)


def _places(names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the distinct names in order of appearance, and the place of each one, (n,)."""
    distinct = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return tuple(distinct), np.array([distinct[name] for name in names], np.int64)


def _from_wide(table: _Table) -> Responses:
    """One row per sound (and repetition), one column per target."""
    repeats, repeat_at = _repeats(table)
    sounds, sound_at = _places(table.keys["sound"])
    _check_whole(table, sounds, sound_at, repeats, repeat_at)
    values = np.empty((len(sounds), len(table.columns), len(repeats)))
    values[sound_at, :, repeat_at] = table.values
    return Responses(values, sounds, table.columns)


def _check_whole(
    table: _Table,
    sounds: Sequence[str],
    sound_at: NDArray[np.int64],
    repeats: Sequence[int],
    repeat_at: NDArray[np.int64],
) -> None:
    """Refuse a wide table unless each sound has one row for each repetition.

    Nothing is made of the size of both: a few rows can name very many.
    """
    rows = set()
    for row in zip(sound_at.tolist(), repeat_at.tolist(), strict=True):
        if row in rows:
            raise _twice(table, f"sound {sounds[row[0]]!r}", repeats[row[1]])
        rows.add(row)
    if len(rows) < len(sounds) * len(repeats):
        first = next(row for row in np.ndindex(len(sounds), len(repeats)) if row not in rows)
        raise InputError(
            f"{table.path}: sound {sounds[first[0]]!r} has no row for repetition "
            f"{repeats[first[1]]}; each sound needs all of {_few(repeats)}: add a row with empty "
            "cells if it was not measured"
        )


def _few(repeats: Sequence[int]) -> str:
    more = len(repeats) - tables.N_SHOWN
    return f"{list(repeats)}" if more <= 0 else f"{list(repeats[: tables.N_SHOWN])} and {more} more"


def _from_long(table: _Table) -> Responses:
    """One row per sound and target (and repetition); what has no row becomes nan."""
    repeats, repeat_at = _repeats(table)
    sounds, sound_at = _places(table.keys["sound"])
    targets, target_at = _places(table.keys["target"])
    shape = (len(sounds), len(targets), len(repeats))
    _check_cells(table.path, math.prod(shape), len(table.values))
    flat = np.ravel_multi_index((sound_at, target_at, repeat_at), shape)
    cells, counts = np.unique(flat, return_counts=True)
    if (counts > 1).any():
        s, t, r = np.unravel_index(cells[counts > 1][0], shape)
        raise _twice(table, f"sound {sounds[s]!r} and target {targets[t]!r}", repeats[r])
    values = np.full(shape, np.nan)
    values[sound_at, target_at, repeat_at] = table.values[:, 0]
    return Responses(values, sounds, targets)


def _check_cells(path: Path, n_cells: int, n_rows: int) -> None:
    """Refuse a long table that is nearly empty: its cells would take any amount of memory."""
    if n_cells > max(FEW_CELLS, LEAST_FILLED * n_rows):
        raise InputError(
            f"{path}: its sounds, targets and repetitions make {n_cells:,} cells, but it has "
            f"{n_rows:,} rows; expected at least one for every {LEAST_FILLED} cells: are sounds "
            "and targets in the right columns?"
        )


def _twice(table: _Table, what: str, repeat: int) -> InputError:
    if "repeat" in table.keys:
        return InputError(f"{table.path}: two rows for {what}, repetition {repeat}; expected one")
    return InputError(
        f"{table.path}: two rows for {what}; expected one: if they are repetitions, number them "
        "in a column 'repeat'"
    )


def _read_netcdf(path: Path) -> Responses:
    values, sounds, targets = read_netcdf(path)
    return Responses(_real(values, path), sounds, targets)


def _read_npy(path: Path) -> Responses:
    array = read_npy(path, advice="write it with numpy.save, of numbers only")
    return Responses(_real(array, path), None, None)


def _real(array: NDArray[np.generic], path: Path) -> NDArray[np.float64]:
    """Check for real numbers in two or three dimensions; give them a last axis of repetitions."""
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: responses are of type {array.dtype}; expected real numbers")
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise InputError(
            f"{path}: responses have shape {array.shape}; expected (n_sounds, n_targets) or "
            "(n_sounds, n_targets, n_repeats), none of them 0"
        )
    values = array.astype(np.float64)
    return values if values.ndim == 3 else values[:, :, None]


#: Suffix of the file of responses -> its reader.
READERS: dict[str, Callable[[Path], Responses]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".nc": _read_netcdf,
    ".npy": _read_npy,
}
