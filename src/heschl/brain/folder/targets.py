"""The targets of a folder: their order and what they are, and the responses brought to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.brain.folder import tables
from heschl.brain.folder.responses import Responses
from heschl.errors import InputError

#: Columns of targets.csv that are names even where they look like numbers.
TEXT_COLUMNS = ("target", "listener", "region", "hemisphere")


def read_target_table(folder: Path, responses: Responses) -> pd.DataFrame:
    """Read ``targets.csv``, or make a table of names only.

    Returns
    -------
    DataFrame
        One row per target: ``target`` and whatever else the file tells; numbers where a column
        holds nothing else (names of listeners, regions and hemispheres stay text).

    Raises
    ------
    InputError
        If its targets are not those of the responses, or a target or listener has no name.
    """
    path = folder / "targets.csv"
    n_targets = responses.values.shape[1]
    if not path.is_file():
        width = len(str(n_targets))
        numbered = [f"target_{i:0{width}d}" for i in range(1, n_targets + 1)]
        return pd.DataFrame({"target": list(responses.targets or numbered)})
    table = tables.read_columns(path)
    if "target" not in table:
        raise InputError(f"{path}: has no column 'target' but {tables.named(table)}")
    for column in ("target", "listener"):
        if "" in table.get(column, ()):
            row = table[column].index("") + 1
            raise InputError(f"{path}: row {row} has no {column}; expected a name in every row")
    if responses.targets is None and len(table["target"]) != n_targets:
        raise InputError(
            f"{path}: {len(table['target'])} rows, but the responses are of {n_targets} targets; "
            "expected one row for each, in their order"
        )
    tables.check_same_names(
        found=table["target"],
        expected=table["target"] if responses.targets is None else responses.targets,
        where=str(path),
        what="target",
        missing="has no row for",
        remedy="expected one row for each target of the responses, under the same name",
    )
    return pd.DataFrame({name: _typed(name, cells) for name, cells in table.items()})


def _typed(column: str, cells: list[str]) -> pd.Series[float] | pd.Series[str]:
    """Turn a column of text into numbers if it holds nothing else."""
    values = [tables.number(cell) for cell in cells]
    if column in TEXT_COLUMNS or None in values:
        return pd.Series([cell or None for cell in cells])
    return pd.Series(values, dtype="float64")


def align(
    responses: Responses, sounds: Sequence[str], targets: Sequence[str], *, where: Path
) -> NDArray[np.float64]:
    """Bring responses into the order of sounds and targets.

    Parameters
    ----------
    responses : Responses
        Without names it is in that order already.
    sounds, targets : sequence of str
        ``targets`` are those of the responses, in whatever order.
    where : Path
        The file of responses, for error messages.

    Returns
    -------
    ndarray of float64, shape (n_sounds, n_targets, n_repeats)

    Raises
    ------
    InputError
        If a sound has no responses, or responses have no sound.
    """
    values = responses.values
    if responses.sounds is not None:
        tables.check_same_names(
            found=responses.sounds,
            expected=sounds,
            where=str(where),
            what="sound",
            missing="no responses to",
            remedy="each file in sounds/ needs responses under its name without the suffix, and "
            "each response a file",
        )
        place = {name: i for i, name in enumerate(responses.sounds)}
        values = values[[place[name] for name in sounds]]
    if responses.targets is not None:
        place = {name: i for i, name in enumerate(responses.targets)}
        values = values[:, [place[name] for name in targets]]
    if len(values) != len(sounds):
        raise InputError(
            f"{where}: responses to {len(values)} sounds, but sounds.csv has {len(sounds)} rows; "
            "expected one response for each, in its order"
        )
    return np.ascontiguousarray(values)
