"""Tables of a page, each with a sentence on how to read it and its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heschl.report.site.content import Content
from heschl.report.site.numbers import p_cell
from heschl.report.tables import MAX_LINES, Cell, Column, Table, numbers, words


@dataclass(frozen=True)
class Listing:
    """A table with what stands around it.

    Attributes
    ----------
    table : Table
    reading : str
        One sentence on how to read it.
    file : str
        Address of the file that holds it, from the folder of the site; empty without one.
    """

    table: Table
    reading: str
    file: str = ""


def listing(
    identity: str, title: str, columns: Sequence[Column], reading: str, *, file: str = ""
) -> Listing | None:
    """Return a table of columns, those that are empty and optional left out; None without rows."""
    kept = tuple(one for one in columns if one.told or not one.optional)
    n_lines = len(kept[0].cells) if kept else 0
    if not n_lines:
        return None
    lines = tuple(zip(*(one.cells[:MAX_LINES] for one in kept), strict=True))
    return Listing(Table(identity, title, kept, lines, n_lines), reading, file)


def of_measures(content: Content, label: str, names: Sequence[object]) -> Column:
    """Return a column of measures by their labels, each leading to its page."""
    texts = [str(name) for name in names]
    hrefs = [content.measure_page(name) for name in texts]
    return words(label, [content.label(name) for name in texts], hrefs=hrefs)


def of_models(content: Content, label: str, names: Sequence[object]) -> Column:
    """Return a column of models, each leading to its page."""
    texts = [str(name) for name in names]
    return words(label, texts, hrefs=[content.model_page(name) for name in texts])


def of_p(label: str, values: Sequence[float]) -> Column:
    """Return a column of probabilities."""
    cells = (Cell(p_cell(p), repr(float(p)) if np.isfinite(p) else "") for p in values)
    return Column(label, tuple(cells), numeric=True, optional=True)


def optional_numbers(label: str, values: Sequence[float], digits: int = 3) -> Column:
    """Return a column of numbers that is left out where it would be empty."""
    return numbers(label, [float(value) for value in values], digits, optional=True)
