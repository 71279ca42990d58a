"""Table 1, drawn: as it would be printed, so that it can be looked at without LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from heschl.report.palette import color
from heschl.report.paper.choice import pages
from heschl.report.paper.correlation_table import Cell, Column, CorrelationTable
from heschl.report.paper.sheet import DOUBLE, MM, SINGLE, SMALL, SMALLEST
from heschl.report.paper.table_text import MOST_COLUMNS, Span, heading_spans
from heschl.report.style import shown
from heschl.report.wording import DASH, number

# All lengths are in millimetres.
_ROW, _MARGIN = 4.2, 1.5
#: Widths of a character, and of a bold one; the largest of a column.
_LETTER, _BOLD, _WIDEST = 1.42, 1.48, 26.0
#: Background of cells of p < 0.01 and p < 0.05.
SHADES = {"**": "#bfe0db", "*": "#e4f1ef", "": "none"}
_NOTE = (
    "Pearson's r over models. ** p < 0.01, * p < 0.05 (not corrected). Bold: highest of a column."
)


def draw_table(table: CorrelationTable) -> list[Figure]:
    """Draw the table, a figure for every ten measures."""
    return [_draw(table, columns) for columns in pages(table.columns, MOST_COLUMNS)]


def _draw(table: CorrelationTable, columns: Sequence[Column]) -> Figure:
    width = (SINGLE if len(columns) <= 4 else DOUBLE) / MM
    first = min(max(len(label) for _, label in table.rows) * _LETTER + 3, 40.0)
    each = min((width - 2 * _MARGIN - first) / len(columns), _WIDEST)
    headings = _headings(columns, each)
    # a second line of headings needs room above the first
    top = 0.0 if any("\n" in text for text, _, _ in headings) else 0.6
    n_rows = len(table.subsets) * (len(table.rows) + 1) + 4.2 - top
    height = n_rows * _ROW + 2 * _MARGIN
    figure = Figure(figsize=(width * MM, height * MM))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set_xlim(0, width)
    ax.set_ylim(height + top * _ROW, top * _ROW)
    page = _Page(ax, first, each, len(columns))
    page.rule(top, 0.9)
    page.head(headings, columns)
    row = 3
    for subset, name in table.subsets.items():
        page.rule(row, 0.5)
        page.write(_MARGIN, row, f"{name} ({table.counts(subset)})", style="italic")
        for task, label in table.rows:
            row += 1
            page.write(_MARGIN, row, shown(label, int(first / _LETTER)))
            for i, column in enumerate(columns):
                page.cell(i, row, table.cells.get((subset, task, column.measure)))
        row += 1
    page.rule(row, 0.9)
    note = _NOTE if width > 100 else _NOTE.replace(". ", ".\n", 1)
    page.write(_MARGIN, row + 0.15, note, color=color("muted"), fontsize=SMALLEST)
    return figure


def _headings(columns: Sequence[Column], each: float) -> list[Span]:
    """Break headings that are wider than their columns."""
    found = []
    for text, a, b in heading_spans(columns):
        room = max(int((b - a + 1) * each / _LETTER), 3)
        parts = [text] if len(text) <= room else text.rsplit(", ", 1)
        found.append(("\n".join(shown(part, room) for part in parts), a, b))
    return found


class _Page:
    """Places of a table: rows are counted from the top, columns of numbers from the left."""

    def __init__(self, ax: Axes, first: float, each: float, n_columns: int) -> None:
        self.ax, self.first, self.each, self.n_columns = ax, first, each, n_columns

    def left(self, column: int) -> float:
        return _MARGIN + self.first + column * self.each

    def rule(self, row: float, linewidth: float, columns: tuple[int, int] | None = None) -> None:
        a, b = (_MARGIN, self.left(self.n_columns))
        if columns is not None:
            a, b = self.left(columns[0]) + 1, self.left(columns[1] + 1) - 1
        y = _MARGIN + row * _ROW
        self.ax.plot([a, b], [y, y], color=color("ink"), linewidth=linewidth)

    def write(self, x: float, row: float, text: str, **look: Any) -> None:
        """Write from a place to the right, in the middle of a row; further lines go below it."""
        y = _MARGIN + (row + 0.5 + 0.3 * text.count("\n")) * _ROW
        options: dict[str, Any] = {"va": "center", "fontsize": SMALL} | look
        self.ax.text(x, y, text, **options)

    def cell(self, column: int, row: int, cell: Cell | None) -> None:
        # digits end, and stars begin, at the same place: they stand in columns of their own
        middle = self.left(column) + self.each / 2 + 2.4
        if cell is None:
            self.write(middle, row, DASH, ha="right")
            return
        if cell.stars:
            corner = (self.left(column) + 0.4, _MARGIN + row * _ROW + 0.25)
            size = (self.each - 0.8, _ROW - 0.5)
            self.ax.add_patch(Rectangle(corner, *size, facecolor=SHADES[cell.stars], linewidth=0))
            self.write(middle + 0.3, row, cell.stars, ha="left")
        weight = "bold" if cell.best else "normal"
        self.write(middle, row, number(cell.value), ha="right", weight=weight)

    def head(self, headings: Sequence[Span], columns: Sequence[Column]) -> None:
        for text, a, b in headings:
            middle = (self.left(a) + self.left(b + 1)) / 2
            self.write(middle, 0.9 - 0.6 * text.count("\n"), text, ha="center")
            self.rule(1.9, 0.4, (a, b))
        self.write(_MARGIN, 1.95, "Task", weight="bold")
        for i, column in enumerate(columns):
            label = shown(column.label, max(int(self.each / _BOLD), 3))
            self.write(self.left(i) + self.each / 2, 1.95, label, ha="center", weight="bold")
