"""Tables of correlations in rows and columns: a shade for each, and its interval below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from heschl.report.site.content import Content
from heschl.report.site.correlations import Correlation
from heschl.report.site.numbers import p_cell, r_text, span
from heschl.report.wording import DASH


@dataclass(frozen=True)
class MatrixCell:
    """A correlation: ``shade`` is its size in percent, ``falls`` whether it is below 0."""

    text: str
    span: str = ""
    note: str = ""
    shade: int = 0
    falls: bool = False


@dataclass(frozen=True)
class Heading:
    """The name of a row or column, and what it leads to."""

    text: str
    href: str


@dataclass(frozen=True)
class Matrix:
    """A table of correlations.

    Attributes
    ----------
    id, title, corner : str
        ``corner`` stands above the names of the rows.
    columns, rows : tuple of Heading
    cells : tuple of tuple of MatrixCell
    n_left_out : int
        Rows that are not shown; the file has them.
    """

    id: str
    title: str
    corner: str
    columns: tuple[Heading, ...]
    rows: tuple[Heading, ...]
    cells: tuple[tuple[MatrixCell, ...], ...]
    n_left_out: int = 0


def heading(content: Content, measure: str) -> Heading:
    """Return the heading of a measure."""
    return Heading(content.label(measure), content.measure_page(measure))


def matrix_cell(found: Correlation | None) -> MatrixCell:
    """Return the cell of a correlation."""
    if found is None or not found.known:
        return MatrixCell(DASH)
    note = f"n {found.n}"
    if math.isfinite(found.q):
        note += f", q {p_cell(found.q)}"
    elif math.isfinite(found.p):
        note += f", p {p_cell(found.p)}"
    return MatrixCell(
        r_text(found.value),
        span(found.low, found.high, 2),
        note,
        round(100 * min(abs(found.value), 1.0)),
        found.value < 0,
    )


def rows_known(cells: Sequence[Sequence[MatrixCell]]) -> bool:
    """Whether any correlation is known."""
    return any(cell.text != DASH for row in cells for cell in row)
