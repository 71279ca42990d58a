"""The tables of the page: each layer from its first to its last step, and every value."""

from __future__ import annotations

import base64
import gzip

import numpy as np
import pandas as pd

from heschl.report.dynamics.course import KEYS, Course
from heschl.report.tables import MAX_LINES, Column, Table, numbers, words
from heschl.results import csv_text

#: What stands in the place of a layer where the protocol chooses.
SCORE = "score"
_WAYS = ("dataset", "metric", "unit", "protocol")


def value_tables(course: Course) -> tuple[Table, Table]:
    """Return the table of changes and the table of all values."""
    return _changes(course), _values(course)


def packed_csv(course: Course) -> str:
    """Return all values of all runs as base64 of a gzipped CSV file, the same every time."""
    text = csv_text(course.scores)
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), 9, mtime=0)).decode()


def _changes(course: Course) -> Table:
    """One line for each thing that was measured: where it began, where it ended, its largest."""
    known = course.mean[np.isfinite(course.mean["value"])].reset_index(drop=True)
    groups = known.groupby(list(KEYS), sort=False)
    first, last = groups.first(), groups.last()
    top = known.loc[groups["value"].idxmax()].set_index(list(KEYS)).reindex(first.index)
    lines = first.index.to_frame(index=False)
    columns = [
        *_names(lines),
        numbers("First", first["value"].tolist()),
        numbers("Last", last["value"].tolist()),
        numbers("Change", (last["value"] - first["value"]).tolist()),
        numbers("Largest", top["value"].tolist()),
        numbers("at step", top["step"].tolist(), 0),
        numbers("Ceiling", last["ceiling"].tolist(), optional=True),
        numbers("Steps", groups["value"].count().reindex(first.index).tolist(), 0),
        *_ways(lines),
    ]
    title = "From the first to the last step" + (", means" if len(course.runs) > 1 else "")
    return _table("changes", title, columns, len(lines))


def _values(course: Course) -> Table:
    """One line for each value of each run, the latest steps first."""
    rows = course.scores.sort_values("step", ascending=False, kind="stable")
    shown = rows.head(MAX_LINES)
    columns = [
        words("Run", shown["run"].tolist()),
        numbers("Step", shown["step"].tolist(), 0),
        *_names(shown),
        numbers("Value", shown["value"].tolist()),
        numbers("from", shown["low"].tolist(), optional=True),
        numbers("to", shown["high"].tolist(), optional=True),
        numbers("Ceiling", shown["ceiling"].tolist(), optional=True),
        *_ways(shown),
    ]
    return _table("values", "All values", columns, len(rows))


def _names(rows: pd.DataFrame) -> list[Column]:
    """Return the columns that say what was measured."""
    regions = rows["region"].tolist()
    if any(regions):
        regions = [region or "all" for region in regions]
    return [
        words("Layer", [layer or SCORE for layer in rows["layer"]]),
        words("Region", regions, optional=True),
        words("Target", rows["target"].tolist()),
    ]


def _ways(rows: pd.DataFrame) -> list[Column]:
    """Return the columns that say how it was measured."""
    return [words(name.title(), rows[name].tolist()) for name in _WAYS]


def _table(identity: str, title: str, columns: list[Column], total: int) -> Table:
    kept = [column for column in columns if column.told or not column.optional]
    # what is the same in every line is read once: it stands behind what differs
    kept.sort(key=lambda column: column.constant)
    lines = tuple(zip(*(column.cells[:MAX_LINES] for column in kept), strict=True))
    return Table(identity, title, tuple(kept), lines, total)
