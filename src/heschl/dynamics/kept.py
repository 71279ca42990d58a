"""Rows that were measured once, kept under the key of all that they depend on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from heschl.dynamics.columns import BASELINE_COLUMNS, read_table, write_table
from heschl.errors import DamagedEntryError

log = logging.getLogger("heschl")

#: In the folder of a trajectory.
FOLDER = "measured"


def place_of(folder: Path, name: str, key: str) -> Path:
    """Return the file of rows in the folder of a trajectory."""
    return folder / FOLDER / f"{name}-{key}.csv"


def read_kept(path: Path) -> pd.DataFrame | None:
    """Return rows that are there; None if they are not, or are damaged."""
    if not path.is_file():
        return None
    try:
        return read_table(path, BASELINE_COLUMNS)
    except DamagedEntryError as error:
        log.warning("%s will be measured again: %s", path.name, error)
        return None


def kept_or_measured(path: Path, measure: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return rows that are there, else measure and keep them.

    Raises
    ------
    StoreError
        If they cannot be written.
    """
    found = read_kept(path)
    if found is None:
        found = measure()
        write_table(path, found)
    return found
