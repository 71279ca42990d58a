"""The table of scores on hearing tasks: one line for each model, task and tested split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heschl.report import selection
from heschl.report.tables import MAX_LINES, Column, Table, numbers, words
from heschl.report.task_selection import UNITS, level, task_groups
from heschl.results import Results

_KEYS = ("model", "dataset", "protocol", "scope", "target", "provenance")


def task_table(results: Results) -> Table | None:
    """Return the table of hearing tasks; None without scores of tasks.

    The scores of one thing in several units stand in one line; the interval is that of the
    official score. Whole tasks come before folds.
    """
    scored: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for row in results.rows():
        if row["metric"] == selection.PROBE:
            key = tuple(str(row[key]) for key in _KEYS)
            scored.setdefault(key, {})[str(row["unit"])] = row
    if not scored:
        return None
    ordered = sorted(scored.items(), key=lambda item: item[0][3] != "dataset")
    columns = _columns(results, ordered[:MAX_LINES])
    lines = tuple(zip(*(column.cells for column in columns), strict=True))
    return Table("tasks", "Hearing tasks", tuple(columns), lines, len(scored))


def _columns(
    results: Results,
    scored: Sequence[tuple[tuple[str, ...], Mapping[str, Mapping[str, Any]]]],
) -> list[Column]:
    named = [dict(zip(_KEYS, key, strict=True)) for key, _ in scored]
    official = {(group.task, group.protocol): group.unit for group in task_groups(results)}
    first = [official[line["dataset"], line["protocol"]] for line in named]
    rows = [
        found.get(unit) or next(iter(found.values()))
        for unit, (_, found) in zip(first, scored, strict=True)
    ]
    # Where all tasks have one official score, the heading names it, and no column has to.
    one = len(set(first)) == 1
    levels = sorted({level(results, line["provenance"]) for line in named})
    source = _label(first[0]) if one else "official"
    columns = [
        words("Model", [line["model"] for line in named]),
        words("Task", [line["dataset"] for line in named]),
        words("Scope", [line["scope"] for line in named]),
        words("Target", [line["target"] for line in named]),
        *(
            numbers(
                _label(unit),
                [found[unit]["value"] if unit in found else None for _, found in scored],
            )
            for unit in _units(scored)
        ),
        *([] if one else [words("Official", [_label(unit) for unit in first])]),
        numbers(f"{'/'.join(levels)} from ({source})", [row["low"] for row in rows], optional=True),
        numbers("to", [row["high"] for row in rows], optional=True),
        words("Layer", [row["layer"] for row in rows]),
        numbers("Clips", [row["n_sounds"] for row in rows], 0),
        words("Protocol", [line["protocol"] for line in named]),
    ]
    columns = [column for column in columns if column.told or not column.optional]
    # What is the same in every line is read once: it stands behind what differs.
    columns.sort(key=lambda column: column.constant)
    return columns


def _units(
    scored: Sequence[tuple[tuple[str, ...], Mapping[str, Mapping[str, Any]]]],
) -> list[str]:
    """Return the units of the table: known ones in their order, then any others."""
    found = dict.fromkeys(unit for _, units in scored for unit in units)
    return [unit for unit in UNITS if unit in found] + [u for u in found if u not in UNITS]


def _label(unit: str) -> str:
    return UNITS.get(unit, unit)
