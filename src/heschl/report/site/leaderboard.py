"""The leaderboard: a row for each model, a column for each measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heschl.report.site.board_cells import BoardCell, column_cells, common_ceiling
from heschl.report.site.content import Content
from heschl.report.site.measures import Measure, Model
from heschl.report.wording import number

#: Cells of the page's table at most; with more, the measures that come last are left out.
MAX_CELLS = 9000
#: Columns of each kind that are shown at first.
FIRST_TASKS, FIRST_BRAINS = 3, 3


@dataclass(frozen=True)
class BoardColumn:
    """A measure: its group and label, its ceiling if that is the same for all models.

    ``shown``: whether it is shown at first.
    """

    measure: Measure
    group: str
    label: str
    ceiling: str
    shown: bool


@dataclass(frozen=True)
class BoardRow:
    """A model with its numbers; ``family`` and ``training`` are places in the lists of both."""

    model: Model
    href: str
    family: int
    training: int
    cells: tuple[BoardCell, ...]


@dataclass(frozen=True)
class Board:
    """The table, sorted by one of its columns.

    Attributes
    ----------
    columns : tuple of BoardColumn
    rows : tuple of BoardRow
    families, trainings : tuple of str
    sorted_by : int
        Place of the column; -1 if there is none.
    n_left_out : int
        Measures that are not in the table.
    """

    columns: tuple[BoardColumn, ...]
    rows: tuple[BoardRow, ...]
    families: tuple[str, ...]
    trainings: tuple[str, ...]
    sorted_by: int
    n_left_out: int

    @property
    def groups(self) -> dict[str, list[tuple[int, BoardColumn]]]:
        """The columns with their places, by group."""
        found: dict[str, list[tuple[int, BoardColumn]]] = {}
        for i, column in enumerate(self.columns):
            found.setdefault(column.group, []).append((i, column))
        return found


def leaderboard(content: Content) -> Board:
    """Collect the table of all models and measures."""
    measures = [*content.tasks, *content.brains]
    shown = [one for one in measures if one.kind == "overall"]
    shown += [one for one in measures if one.kind == "task"][:FIRST_TASKS]
    shown += [one for one in measures if one.kind == "brain"][:FIRST_BRAINS]
    main = content.main_task or content.main_brain
    return board(content, measures, shown=shown, main=main)


def board(
    content: Content,
    measures: Sequence[Measure],
    *,
    shown: Sequence[Measure] | None = None,
    main: Measure | None = None,
    most_cells: int = MAX_CELLS,
) -> Board:
    """Collect the table of all models and some measures.

    Parameters
    ----------
    content : Content
    measures : sequence of Measure
    shown : sequence of Measure, optional
        Those that are shown at first; by default all.
    main : Measure, optional
        The one that rows are sorted by; by default the first.
    most_cells : int, optional
        With more, the measures that come last are left out.
    """
    most = max(most_cells // max(len(content.models), 1), 1)
    kept = list(measures)[:most]
    main = main or (kept[0] if kept else None)
    first = {one.name for one in (kept if shown is None else shown)}
    tops = [common_ceiling(content, one) for one in kept]
    columns = tuple(
        BoardColumn(
            one,
            _group(one),
            one.label,
            number(top, 3) if np.isfinite(top) else "",
            one.name in first,
        )
        for one, top in zip(kept, tops, strict=True)
    )
    families = tuple(dict.fromkeys(one.family for one in content.models if one.family))
    trainings = tuple(dict.fromkeys(one.training for one in content.models if one.training))
    cells = [column_cells(content, one, top) for one, top in zip(kept, tops, strict=True)]
    rows = tuple(
        BoardRow(
            model,
            content.model_page(model.name),
            families.index(model.family) if model.family else -1,
            trainings.index(model.training) if model.training else -1,
            tuple(column[model.name] for column in cells),
        )
        for model in _in_order(content, main)
    )
    place = kept.index(main) if main in kept else -1
    return Board(columns, rows, families, trainings, place, len(measures) - len(kept))


def _group(measure: Measure) -> str:
    """Return under which heading a measure can be chosen."""
    if measure.kind in ("overall", "task"):
        return "Hearing tasks"
    return f"{measure.dataset}, {measure.metric}, {measure.protocol}"


def _in_order(content: Content, measure: Measure | None) -> list[Model]:
    """Return all models, the highest first; those without a number last."""
    if measure is None:
        return list(content.models)
    known = content.ranked(measure, controls=True)
    there = {one.name for one in known}
    return [*known, *(one for one in content.models if one.name not in there)]
