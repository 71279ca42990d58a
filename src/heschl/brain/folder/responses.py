"""Responses in the formats that a user may have them in: CSV, Parquet, NetCDF, NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.brain.folder import tables
from heschl.errors import InputError, MissingDependencyError

KEYS = ("sound", "target", "repeat")


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
    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except ImportError as error:
        raise _missing(path, "pyarrow", "parquet") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({error})") from error
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
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
    filled = np.zeros((len(sounds), len(repeats)), np.int64)
    np.add.at(filled, (sound_at, repeat_at), 1)
    for sound, counts in zip(sounds, filled, strict=True):
        for repeat, count in zip(repeats, counts, strict=True):
            if count > 1:
                raise _twice(table, f"sound {sound!r}", repeat)
            if count == 0:
                raise InputError(
                    f"{table.path}: sound {sound!r} has no row for repetition {repeat}; each sound "
                    f"needs all of {repeats}: add a row with empty cells if it was not measured"
                )
    values = np.empty((len(sounds), len(table.columns), len(repeats)))
    values[sound_at, :, repeat_at] = table.values
    return Responses(values, sounds, table.columns)


def _from_long(table: _Table) -> Responses:
    """One row per sound and target (and repetition); what has no row becomes nan."""
    repeats, repeat_at = _repeats(table)
    sounds, sound_at = _places(table.keys["sound"])
    targets, target_at = _places(table.keys["target"])
    shape = (len(sounds), len(targets), len(repeats))
    flat = np.ravel_multi_index((sound_at, target_at, repeat_at), shape)
    cells, counts = np.unique(flat, return_counts=True)
    if (counts > 1).any():
        s, t, r = np.unravel_index(cells[counts > 1][0], shape)
        raise _twice(table, f"sound {sounds[s]!r} and target {targets[t]!r}", repeats[r])
    values = np.full(shape, np.nan)
    values[sound_at, target_at, repeat_at] = table.values[:, 0]
    return Responses(values, sounds, targets)


def _twice(table: _Table, what: str, repeat: int) -> InputError:
    if "repeat" in table.keys:
        return InputError(f"{table.path}: two rows for {what}, repetition {repeat}; expected one")
    return InputError(
        f"{table.path}: two rows for {what}; expected one: if they are repetitions, number them "
        "in a column 'repeat'"
    )


def _read_netcdf(path: Path) -> Responses:
    try:
        import h5netcdf  # noqa: F401  (xarray's own message does not say what is missing)
        import xarray

        with xarray.open_dataset(path, engine="h5netcdf") as dataset:
            dataset.load()
    except ImportError as error:  # also raised on opening: h5netcdf itself needs h5py
        raise _missing(path, "xarray, h5netcdf and h5py", "netcdf") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable NetCDF-4 file ({error})") from error
    if "responses" not in dataset.data_vars:
        raise InputError(
            f"{path}: has no variable 'responses' but {tables.named(map(str, dataset.data_vars))}"
        )
    variable = dataset["responses"]
    if sorted(map(str, variable.dims)) not in (["sound", "target"], ["repeat", "sound", "target"]):
        raise InputError(
            f"{path}: responses have dimensions {variable.dims}; expected sound, target and "
            "optionally repeat"
        )
    names = []
    for axis in ("sound", "target"):
        if axis not in variable.coords or variable.coords[axis].dtype.kind not in "OUST":
            raise InputError(f"{path}: expected a coordinate {axis!r} of names (text)")
        names.append(tuple(str(name) for name in variable.coords[axis].values))
        if twice := tables.repeated(names[-1]):
            raise InputError(f"{path}: coordinate {axis!r} holds {tables.named(twice)} twice")
    ordered = variable.transpose("sound", "target", ...).values
    return Responses(_real(ordered, path), names[0], names[1])


def _read_npy(path: Path) -> Responses:
    try:
        with path.open("rb") as handle:  # closed also if it turns out to be an archive
            array = np.load(handle, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path}: not a readable array ({error}); write it with numpy.save, of numbers only"
        ) from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: holds several arrays; expected one, written with numpy.save")
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


def _missing(path: Path, package: str, extra: str) -> MissingDependencyError:
    return MissingDependencyError(
        f'{path}: reading it needs {package}: pip install "heschl[{extra}]"'
    )


#: Suffix of the file of responses -> its reader.
READERS: dict[str, Callable[[Path], Responses]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".nc": _read_netcdf,
    ".npy": _read_npy,
}
