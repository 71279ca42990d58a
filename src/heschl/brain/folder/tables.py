"""CSV files read strictly: every row whole, every name unique, every number exact."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError, MissingDependencyError, quoted

#: What stands for a missing number in a table, in lower case.
MISSING = ("", "nan", "na", "n/a", "null", "none")
N_SHOWN = 5

#: Whole numbers beyond this are no longer exact as floating-point numbers.
LARGEST = 2**53
_LONGEST_NAME = 100


def named(names: Iterable[str]) -> str:
    """Name a few of many, for an error message."""
    listed = list(names)
    shown = ", ".join(repr(short(name)) for name in listed[:N_SHOWN])
    return shown if len(listed) <= N_SHOWN else f"{shown} and {len(listed) - N_SHOWN} more"


def short(name: str) -> str:
    """Return a name as it may stand in an error message."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def missing_package(path: Path, packages: str, extra: str) -> MissingDependencyError:
    """Say which packages reading a file needs, and how they are installed."""
    return MissingDependencyError(
        f'{path}: reading it needs {packages}: pip install "heschl[{extra}]"'
    )


def repeated(names: Sequence[str]) -> list[str]:
    """Return the names that occur more than once, in order of their second occurrence."""
    seen: set[str] = set()
    again: dict[str, None] = {}
    for name in names:
        if name in seen:
            again[name] = None
        seen.add(name)
    return list(again)


@contextmanager
def open_rows(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """Open a CSV file (UTF-8, comma-separated) to read it row by row.

    Parameters
    ----------
    path : Path

    Yields
    ------
    header : list of str
        Unique names.
    rows : iterator of list of str
        As long as the header; empty lines are passed over.

    Raises
    ------
    InputError
        If it is no CSV file in UTF-8, has no header or a name twice; while iterating: if a row is
        longer or shorter than the header.
    """
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = _filled_rows(path, handle)
        header = next(rows, None)
        if header is None:
            raise InputError(f"{path}: is empty; expected a header and rows")
        twice = repeated(header)
        if twice:
            raise InputError(f"{path}: two columns are named {named(twice)}; names must be unique")
        yield header, _whole(path, len(header), rows)


def _filled_rows(path: Path, handle: Iterable[str]) -> Iterator[list[str]]:
    try:
        yield from (row for row in csv.reader(handle, strict=True) if row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not a readable CSV file ({quoted(error)}); expected comma-separated text in "
            "UTF-8"
        ) from error


def _whole(path: Path, width: int, rows: Iterator[list[str]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise InputError(
                f"{path}: row {number} has {len(row)} cells, but the header {width} names; "
                "expected one cell for each column"
            )
        yield row


def read_columns(path: Path) -> dict[str, list[str]]:
    """Read a small CSV file whole, as text: {column: cells}."""
    with open_rows(path) as (header, rows):
        cells = list(rows)
    return {name: [row[i] for row in cells] for i, name in enumerate(header)}


def numbers(cells: Sequence[str], columns: Sequence[str], where: str) -> NDArray[np.float64]:
    """Convert one row of cells to numbers, exactly; nan for a missing one.

    Parameters
    ----------
    cells : sequence of str
    columns : sequence of str
        Names of the cells' columns, for the error message.
    where : str
        File and row, for the error message.

    Raises
    ------
    InputError
        If a cell is neither a number nor missing; it is named.
    """
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        values = [number(cell) for cell in cells]
    for column, cell, value in zip(columns, cells, values, strict=True):
        if value is None:
            raise InputError(
                f"{where}, column {short(column)!r}: {short(cell)!r} is not a number; expected "
                "one with a decimal point, or an empty cell where nothing was measured"
            )
    return np.array(values, dtype=np.float64)


def number(cell: str) -> float | None:
    """Convert a cell to a number; nan if it is missing, None if it is something else."""
    if cell.strip().lower() in MISSING:
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        return None


def whole_numbers(cells: Sequence[str], what: str, where: Path) -> NDArray[np.int64]:
    """Convert cells such as "2" or "2.0" to whole numbers, (n,).

    Raises
    ------
    InputError
        If a cell is something else; it is named.
    """
    values = [number(cell) for cell in cells]
    for row, (cell, value) in enumerate(zip(cells, values, strict=True), start=1):
        if value is None or not value.is_integer() or abs(value) > LARGEST:
            raise InputError(
                f"{where}: {what} in row {row} is {short(cell)!r}; expected a whole number: 0, 1, "
                "2, ..."
            )
    return np.array(values, dtype=np.float64).astype(np.int64)


def check_same_names(
    *,
    found: Sequence[str],
    expected: Sequence[str],
    where: str,
    what: str,
    missing: str,
    remedy: str,
) -> None:
    """Raise InputError unless two lists hold the same unique names, in whatever order.

    Parameters
    ----------
    found, expected : sequence of str
        ``expected`` is unique.
    where, what, missing, remedy : str
        For the message: the file, what is named, how to say that one is missing, what to do.
    """
    twice = repeated(found)
    if twice:
        raise InputError(f"{where}: {what} {named(twice)} occurs twice; expected it once")
    lost = sorted(set(expected) - set(found))
    if lost:
        raise InputError(f"{where}: {missing} {what} {named(lost)}; {remedy}")
    extra = sorted(set(found) - set(expected))
    if extra:
        raise InputError(f"{where}: names {what} {named(extra)}, not found; {remedy}")
