"""The columns of the table of a trajectory, and how its text is read as numbers and words."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from heschl import store
from heschl.errors import DamagedEntryError, InputError, quoted

#: The columns of the table, one row a value.
#:
#: run : name of the training
#: step : optimiser steps done; 0 is before training
#: dataset, metric, protocol, unit : as in a table of scores (`heschl.results`)
#: region : part of auditory cortex; "" for all of it
#: layer : "" for the score of the protocol, which chooses layers itself
#: layer_index : place in the order of execution, from 0; -1 where the layer is ""
#: target : "all" for the mean over what is measured, else a component or a listener
#: value, low, high, ceiling : the score, the ends of its interval, and what a perfect model would
#:     reach, all in ``unit``; the last three may be missing
COLUMNS = (
    "run",
    "step",
    "dataset",
    "metric",
    "protocol",
    "unit",
    "region",
    "layer",
    "layer_index",
    "target",
    "value",
    "low",
    "high",
    "ceiling",
)
#: Those of reference lines: of other models, which have no steps.
BASELINE_COLUMNS = tuple(column for column in COLUMNS if column != "step")

WORDS = ("run", "dataset", "metric", "protocol", "unit", "region", "layer", "target")
WHOLE = ("step", "layer_index")
NUMBERS = ("value", "low", "high", "ceiling")


def as_table(rows: Iterable[Mapping[str, Any]] | pd.DataFrame, columns: Iterable[str]) -> Any:
    """Return rows as a DataFrame with these columns in order, of the types that they have.

    Raises
    ------
    InputError
        If a row lacks a column, or has something else than a number where one belongs.
    """
    wanted = list(columns)
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows), columns=wanted)
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise InputError(
            f"a table of {', '.join(map(str, table.columns)) or 'no columns'}: {missing[0]!r} is "
            f"missing; expected {', '.join(wanted)}"
        )
    table = table[wanted].reset_index(drop=True)
    try:
        for column in wanted:
            if column in WORDS:
                table[column] = table[column].astype(object).where(table[column].notna(), "")
            elif column in WHOLE:
                table[column] = table[column].astype("int64")
            else:
                table[column] = pd.to_numeric(table[column]).astype(float)
    except (TypeError, ValueError) as error:
        raise InputError(f"column {column!r}: {error}; expected numbers") from error
    return table


def read_table(path: Path, columns: Iterable[str] | None) -> pd.DataFrame:
    """Read a table that `write_table` wrote; without ``columns``, one of numbers alone.

    Raises
    ------
    DamagedEntryError
        If it cannot be read, or is not such a table.
    """
    try:
        text = _texts(path)  # only the empty cell is missing: a listener may be called "NA"
        numbers = [one for one in text.columns if columns is None or one in NUMBERS]
        text[numbers] = text[numbers].replace("", "nan").astype(float)
        return text if columns is None else as_table(text, columns)
    except (OSError, ValueError, InputError, csv.Error) as error:
        raise DamagedEntryError(
            f"{path}: no table of a trajectory ({quoted(error)}); expected one that heschl wrote. "
            "Restore it, or remove it to begin anew"
        ) from error


def _texts(path: Path) -> pd.DataFrame:
    """Read a table of texts; pandas would take the cells of a longer row for names of rows."""
    with path.open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.reader(handle, strict=True) if row]
    if not rows:
        raise ValueError("it is empty")
    header = rows[0]
    odd = [len(row) for row in rows if len(row) != len(header)]
    if odd or len(set(header)) < len(header):
        problem = f"a row of {odd[0]} cells" if odd else "a name twice"
        raise ValueError(f"{len(header)} columns, but {problem}")
    return pd.DataFrame(rows[1:], columns=header, dtype=str)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table atomically; numbers are read back as they are, to the last bit.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    store.write_text(path, table.to_csv(index=False, lineterminator="\n"))
