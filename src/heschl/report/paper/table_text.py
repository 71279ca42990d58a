"""Table 1 as text: CSV with everything, LaTeX to be read."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd

from heschl.report.paper.choice import pages
from heschl.report.paper.correlation_table import Cell, Column, CorrelationTable
from heschl.report.wording import number
from heschl.results import csv_text

#: Columns of numbers that are beside each other.
MOST_COLUMNS = 10
#: A heading, and its first and last column.
Span = tuple[str, int, int]

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # after the end of a row they would be its options
    "[": "{[}",
    "*": "{*}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\ufffd": "?",  # what stands for control characters
    "ρ": r"$\rho$",
    "²": r"\textsuperscript{2}",
    "−": r"$-$",
    "–": "--",
    "…": r"\ldots{}",
}


def escape(text: str) -> str:
    """Return a text that LaTeX sets as it is; control characters become spaces."""
    return "".join(
        " " if unicodedata.category(one).startswith("C") else _LATEX.get(one, one) for one in text
    )


def as_csv(table: CorrelationTable) -> str:
    """Return one row for each subset and task; r of each measure, then what belongs to it."""
    rows = []
    for subset, (task, label) in itertools.product(table.subsets, table.rows):
        row: dict[str, object] = {"subset": subset, "task": label}
        for column in table.columns:
            cell = table.cells.get((subset, task, column.measure))
            row[column.measure] = np.nan if cell is None else cell.value
            for name in ("low", "high", "p", "q", "n"):
                row[f"{column.measure}:{name}"] = np.nan if cell is None else getattr(cell, name)
        rows.append(row)
    return csv_text(pd.DataFrame(rows))


def as_latex(table: CorrelationTable) -> str:
    """Return the table for the package booktabs: one tabular for every ten measures."""
    note = (
        "% Pearson's r over models. ** p < 0.01, * p < 0.05, not corrected; bold: the highest of\n"
        "% its column among the models. Needs \\usepackage{booktabs}.\n"
    )
    return note + "\n".join(_tabular(table, part) for part in pages(table.columns, MOST_COLUMNS))


def heading_spans(columns: Sequence[Column]) -> list[Span]:
    """Return heading, first and last place of neighbours that share it."""
    found, start = [], 0
    for heading, group in itertools.groupby(columns, key=lambda column: column.group):
        size = len(list(group))
        found.append((heading, start, start + size - 1))
        start += size
    return found


def _tabular(table: CorrelationTable, columns: Sequence[Column]) -> str:
    spans = heading_spans(columns)
    headings = [f"\\multicolumn{{{b - a + 1}}}{{c}}{{{escape(text)}}}" for text, a, b in spans]
    rules = " ".join(f"\\cmidrule(lr){{{a + 2}-{b + 2}}}" for _, a, b in spans)
    lines = [
        f"\\begin{{tabular}}{{l{'r' * len(columns)}}}",
        "\\toprule",
        _row(["", *headings]),
        rules,
        _row(["Task", *(escape(column.label) for column in columns)]),
    ]
    for subset, name in table.subsets.items():
        title = f"\\emph{{{escape(name)}}} ({escape(table.counts(subset))})"
        lines += ["\\midrule", _row([f"\\multicolumn{{{len(columns) + 1}}}{{l}}{{{title}}}"])]
        for task, label in table.rows:
            cells = [table.cells.get((subset, task, column.measure)) for column in columns]
            lines.append(_row([escape(label), *map(_cell, cells)]))
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "--"
    text = f"${number(cell.value).replace('−', '-')}$"
    text = f"\\boldmath{text}" if cell.best else text
    # stars take no room, so that the digits of a column stay under each other
    return f"{{{text}}}" + (f"\\rlap{{$^{{{cell.stars}}}$}}" if cell.stars else "")
