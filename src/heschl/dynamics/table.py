"""The folder of a trajectory: how brain-like a model was at each of its steps.

``trajectory.csv`` holds the scores, ``losses.csv`` the loss, ``baselines.csv`` other models for
comparison, ``trajectory.json`` the name of the run and what it was computed from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from heschl import store
from heschl.dynamics.columns import (
    BASELINE_COLUMNS,
    COLUMNS,
    as_table,
    read_table,
    write_table,
)
from heschl.errors import DamagedEntryError, InputError

SCORES, LOSSES, BASELINES, HEADER = (
    "trajectory.csv",
    "losses.csv",
    "baselines.csv",
    "trajectory.json",
)
FORMAT = 1


@dataclass(frozen=True)
class Trajectory:
    """How brain-like a model was at each step of its training.

    Attributes
    ----------
    run : str
        Name of the training.
    scores : DataFrame
        One row a value, columns `heschl.dynamics.COLUMNS`, ordered by step.
    losses : DataFrame or None
        ``step``, ``loss`` and any further numbers; None where no loss is known.
    baselines : DataFrame or None
        The columns of ``scores`` but ``step``; ``run`` names the other model.
    provenance : mapping
        What the scores were computed from.
    """

    run: str
    scores: pd.DataFrame = field(repr=False)
    losses: pd.DataFrame | None = field(default=None, repr=False)
    baselines: pd.DataFrame | None = field(default=None, repr=False)
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps that were measured, in order."""
        return tuple(sorted({int(step) for step in self.scores["step"]}))


def is_trajectory(folder: Path) -> bool:
    """Whether a folder holds a trajectory."""
    return (folder / HEADER).is_file()


def read_trajectory(folder: str | Path) -> Trajectory:
    """Read a trajectory.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    Trajectory

    Raises
    ------
    InputError
        If the folder holds none, or one of another format.
    DamagedEntryError
        If a file of it is not as heschl wrote it.
    """
    folder = Path(folder)
    run, provenance = read_header(folder)
    if not (folder / SCORES).is_file():
        raise InputError(
            f"{folder}: no measurement yet ({SCORES} is missing); expected the folder of a "
            "training that was measured at least once"
        )
    return Trajectory(
        run,
        read_table(folder / SCORES, COLUMNS),
        read_losses(folder),
        read_baselines(folder),
        provenance,
    )


def read_header(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the name of the run and its provenance.

    Raises
    ------
    InputError, DamagedEntryError
        As `read_trajectory`.
    """
    path = folder / HEADER
    if not path.is_file():
        raise InputError(
            f"{folder}: no trajectory here ({HEADER} is missing); expected a folder that "
            "'heschl dynamics', 'heschl pretrain' or a callback wrote"
        )
    try:
        content = store.read_json(path)
        found = content["format"]
        if found != FORMAT:
            raise InputError(f"{path}: format {found!r}; this heschl reads {FORMAT}: measure again")
        return str(content["run"]), dict(content["provenance"])
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedEntryError(
            f"{path}: not as heschl wrote it ({type(error).__name__}: {error}); measure again"
        ) from error


def claim_folder(folder: Path, run: str) -> dict[str, Any]:
    """Refuse a folder that cannot be written or is another run's; return the provenance there.

    Raises
    ------
    InputError
        If it holds the trajectory of another run.
    DamagedEntryError
        If its header cannot be read.
    StoreError
        If it cannot be written.
    """
    store.check_writable(folder)
    if not (folder / HEADER).is_file():
        return {}
    other, provenance = read_header(folder)
    if other != run:
        raise InputError(
            f"{folder} holds the trajectory of {other!r}, this run is {run!r}; expected a folder "
            "of its own"
        )
    return provenance


def write_header(folder: Path, run: str, provenance: Mapping[str, Any]) -> None:
    """Write the name of the run and what it was computed from (JSON-ready).

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    store.write_json(
        folder / HEADER, {"format": FORMAT, "run": run, "provenance": dict(provenance)}
    )


def write_scores(folder: Path, rows: Iterable[Mapping[str, Any]] | pd.DataFrame) -> None:
    """Write all rows, ordered by step, in the place of those that are there.

    Raises
    ------
    InputError
        If a row is not one of such a table.
    StoreError
        If they cannot be written.
    """
    table = as_table(rows, COLUMNS).sort_values("step", kind="stable")
    write_table(folder / SCORES, table)


def append_scores(folder: Path, rows: Iterable[Mapping[str, Any]] | pd.DataFrame) -> None:
    """Add the rows of one step; those of that step and of later ones that are there go.

    A training that goes on from a checkpoint repeats the steps after it.

    Raises
    ------
    InputError
        If a row is not one of such a table, or the rows are of several steps.
    DamagedEntryError
        If what is there is no such table.
    StoreError
        If they cannot be written.
    """
    table = as_table(rows, COLUMNS)
    steps = sorted(set(table["step"]))
    if len(steps) != 1:
        raise InputError(f"rows of the steps {steps}; expected rows of one step")
    path = folder / SCORES
    if path.is_file():
        before = read_table(path, COLUMNS)
        before = before[before["step"] < steps[0]]
        if len(before):
            table = pd.concat([before, table], ignore_index=True)
    write_table(path, table)


def read_losses(folder: Path) -> pd.DataFrame | None:
    """Return the losses of a folder, or None; DamagedEntryError if they are no such table."""
    path = folder / LOSSES
    if not path.is_file():
        return None
    table = read_table(path, None)
    if "step" not in table.columns or "loss" not in table.columns:
        raise DamagedEntryError(
            f"{path}: columns {', '.join(map(str, table.columns))}; expected step and loss among "
            "them. Restore it, or remove it"
        )
    return table.astype({"step": "int64", "loss": float})


def append_losses(folder: Path, rows: pd.DataFrame) -> None:
    """Add losses; those that are there from the first of these steps on go.

    Parameters
    ----------
    folder : Path
    rows : DataFrame
        Columns ``step``, ``loss`` and any further numbers; of equal steps, the mean counts.

    Raises
    ------
    DamagedEntryError
        If what is there is no such table.
    StoreError
        If they cannot be written.
    """
    if rows.empty:
        return
    table = rows.groupby("step", as_index=False).mean()
    before = read_losses(folder)
    if before is not None:
        before = before[before["step"] < table["step"].iloc[0]]
        if len(before):
            table = pd.concat([before, table], ignore_index=True)
    first = ["step", "loss"]
    rest = [column for column in table.columns if column not in first]
    write_table(folder / LOSSES, table[first + rest])


def read_baselines(folder: Path) -> pd.DataFrame | None:
    """Return the baselines of a folder, or None; DamagedEntryError if they are no such table."""
    path = folder / BASELINES
    return read_table(path, BASELINE_COLUMNS) if path.is_file() else None


def write_baselines(folder: Path, rows: Iterable[Mapping[str, Any]] | pd.DataFrame) -> None:
    """Write the rows of other models, for reference lines.

    Raises
    ------
    InputError
        If a row is not one of such a table.
    StoreError
        If they cannot be written.
    """
    write_table(folder / BASELINES, as_table(rows, BASELINE_COLUMNS))
