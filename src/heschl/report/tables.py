"""The table of scores as the page shows it: one line for each thing that was scored."""

from __future__ import annotations

import base64
import gzip
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heschl.report import selection
from heschl.report.wording import DASH, number
from heschl.results import Results, csv_text

#: Largest number of lines of a table on the page; the CSV file has all of them.
MAX_LINES = 500

_KEYS = ("model", "dataset", "metric", "protocol", "scope", "target", "region", "provenance")
_UNIT_LABELS = {"r2": "r²", "r": "r", "rho": "ρ", "r2_corrected": "r² corrected"}
_SCOPES = {"dataset": 0, "listener": 1, "target": 2}


@dataclass(frozen=True)
class Cell:
    """What is shown, what it is sorted by ("" if missing), and what it leads to ("" if nothing)."""

    text: str
    sort: str
    href: str = ""


@dataclass(frozen=True)
class Column:
    """One column: its label, and its cells from top to bottom.

    ``numeric``: it holds numbers; ``optional``: it is left out where it would be empty.
    """

    label: str
    cells: tuple[Cell, ...]
    numeric: bool = False
    optional: bool = False

    @property
    def told(self) -> bool:
        """Whether any cell holds something."""
        return any(cell.sort for cell in self.cells)

    @property
    def constant(self) -> bool:
        """Whether it is a column of names that are all the same."""
        return not self.numeric and len({cell.sort for cell in self.cells}) <= 1


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes
    ----------
    id, title : str
    columns : tuple of Column
    lines : tuple of tuple of Cell
        At most `MAX_LINES`.
    total : int
        Number of lines before that limit.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    lines: tuple[tuple[Cell, ...], ...]
    total: int


def score_tables(results: Results) -> tuple[Table, ...]:
    """Return the tables of brains: the main one, and one for the targets where there are many.

    The scores of one thing in several units stand in one line; the ceiling and the standard error
    are those of the first unit (r2 where there is one).
    """
    rows = [row for row in results.rows() if row["metric"] != selection.PROBE]
    units = sorted(dict.fromkeys(str(row["unit"]) for row in rows), key=lambda unit: unit != "r2")
    scored: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for row in rows:
        key = tuple("" if row[key] is None else str(row[key]) for key in _KEYS)
        scored.setdefault(key, {})[str(row["unit"])] = row
    crowded = _crowded(scored)
    main = {
        key: found for key, found in scored.items() if key[:4] not in crowded or key[4] != "target"
    }
    many = {key: found for key, found in scored.items() if key not in main}
    main = dict(sorted(main.items(), key=lambda item: _SCOPES.get(item[0][4], 3)))
    places = _places(results)
    tables = [_table("scores", "Scores", main, units, {})] if main else []
    if many:
        tables.append(_table("targets", "Every target", many, units, places))
    return tuple(tables)


def _crowded(scored: Mapping[tuple[str, ...], object]) -> set[tuple[str, ...]]:
    """Return the models and datasets that have more than a few targets."""
    counts: dict[tuple[str, ...], int] = {}
    for key in scored:
        if key[4] == "target":
            counts[key[:4]] = counts.get(key[:4], 0) + 1
    return {key for key, count in counts.items() if count > selection.FEW}


def _places(results: Results) -> dict[tuple[str, str], tuple[str, str]]:
    """Return listener and region of each target, by dataset and target."""
    places = {}
    for detail in results.details:
        names = selection.target_names(detail)
        columns = [selection.target_column(detail, name) for name in ("listener", "region")]
        for name, listener, region in zip(names, *columns, strict=True):
            places[detail.dataset, name] = (listener, region)
    return places


def _table(
    identity: str,
    title: str,
    scored: Mapping[tuple[str, ...], Mapping[str, Mapping[str, Any]]],
    units: Sequence[str],
    places: Mapping[tuple[str, str], tuple[str, str]],
) -> Table:
    shown = list(scored.items())[:MAX_LINES]
    named = [dict(zip(_KEYS, key, strict=True)) for key, _ in shown]
    rows = [found.get(units[0]) or next(iter(found.values())) for _, found in shown]
    near = [places.get((line["dataset"], line["target"]), ("", "")) for line in named]
    first = _UNIT_LABELS.get(units[0], units[0])
    columns = [
        words("Model", [line["model"] for line in named]),
        words("Dataset", [line["dataset"] for line in named]),
        words("Scope", [line["scope"] for line in named]),
        words("Target", [line["target"] for line in named]),
        words("Listener", [listener for listener, _ in near], optional=True),
        words(
            "Region",
            [line["region"] or place[1] for line, place in zip(named, near, strict=True)],
            optional=True,
        ),
        *(
            numbers(label, [found[unit]["value"] if unit in found else None for _, found in shown])
            for unit, label in ((unit, _UNIT_LABELS.get(unit, unit)) for unit in units)
        ),
        numbers(f"Ceiling ({first})", [row["ceiling"] for row in rows], optional=True),
        numbers("Fraction", [row["fraction"] for row in rows], optional=True),
        numbers("Std. error", [row["stderr"] for row in rows], optional=True),
        numbers("95 % from", [row["low"] for row in rows], optional=True),
        numbers("to", [row["high"] for row in rows], optional=True),
        numbers("p", [row["p"] for row in rows], optional=True),
        numbers("q", [row["q"] for row in rows], optional=True),
        words("Layer", [row["layer"] for row in rows]),
        numbers("Sounds", [row["n_sounds"] for row in rows], 0),
        words("Protocol", [line["protocol"] for line in named]),
    ]
    columns = [column for column in columns if column.told or not column.optional]
    # What is the same in every line is read once: it stands behind what differs.
    columns.sort(key=lambda column: column.constant)
    lines = tuple(zip(*(column.cells for column in columns), strict=True))
    return Table(identity, title, tuple(columns), lines, len(scored))


def words(
    label: str,
    values: Sequence[object],
    *,
    optional: bool = False,
    hrefs: Sequence[str] | None = None,
) -> Column:
    """Return a column of names; ``hrefs`` says what each leads to, "" for nothing."""
    texts = ["" if value is None else str(value) for value in values]
    links = [""] * len(texts) if hrefs is None else hrefs
    cells = (Cell(text or DASH, text, link) for text, link in zip(texts, links, strict=True))
    return Column(label, tuple(cells), optional=optional)


def numbers(
    label: str, values: Sequence[float | None], digits: int = 3, *, optional: bool = False
) -> Column:
    """Return a column of numbers; they are sorted by what they are, not by what is shown."""
    cells = tuple(_number(value, digits) for value in values)
    return Column(label, cells, numeric=True, optional=optional)


def _number(value: float | None, digits: int = 3) -> Cell:
    missing = value is None or not math.isfinite(value)
    return Cell(number(value, digits), "" if missing else repr(value))


def packed_csv(results: Results) -> str:
    """Return the whole table of scores as base64 of a gzipped CSV file, the same every time."""
    text = csv_text(results.scores)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")
