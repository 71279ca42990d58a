"""Correlations over models as matrices: of tasks with brains, and of brains with each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from heschl.report.site.content import Content
from heschl.report.site.correlation_figure import subsets
from heschl.report.site.correlations import Correlation
from heschl.report.site.matrices import Matrix, MatrixCell, heading, matrix_cell, rows_known

#: Brain measures in a matrix at most; those of whole datasets come first.
MAX_ROWS, MAX_SIDE = 40, 24

_KINDS = {"pearson": "Pearson’s r", "spearman": "Spearman’s ρ"}


def task_matrices(content: Content) -> list[Matrix]:
    """Return a matrix for each subset of models and kind of correlation."""
    found = []
    kinds = dict.fromkeys(key[3] for key in content.correlations)
    for i, (subset, kind) in enumerate((s, k) for s in subsets(content) for k in kinds):
        cells = tuple(
            tuple(
                matrix_cell(content.correlation(task, brain, kind=kind, subset=subset))
                for task in content.tasks
            )
            for brain in content.brains[:MAX_ROWS]
        )
        if rows_known(cells):
            rows = tuple(heading(content, one.name) for one in content.brains[:MAX_ROWS])
            columns = tuple(heading(content, one.name) for one in content.tasks)
            title = f"{_KINDS.get(kind, kind)}, {_subset(subset)}"
            left_out = max(len(content.brains) - MAX_ROWS, 0)
            found.append(
                Matrix(f"tasks-{i}", title, "Brain measure", columns, rows, cells, left_out)
            )
    return found


def _subset(subset: str) -> str:
    # the minus sign of typography, as in all numbers
    return subset if subset.endswith("models") else f"models with {subset.replace('-', '−')}"


def agreement_matrices(content: Content) -> list[Matrix]:
    """Return a matrix of the brain measures with each other for each kind of correlation."""
    table = content.linked.agreement
    found = []
    for i, kind in enumerate(dict.fromkeys(table["kind"].astype(str))):
        pairs = dict(_pairs(content, kind))
        names = [one.name for one in content.brains if any(one.name in pair for pair in pairs)]
        shown = names[:MAX_SIDE]
        cells = tuple(
            tuple(
                MatrixCell("") if row == column else matrix_cell(pairs.get((row, column)))
                for column in shown
            )
            for row in shown
        )
        if rows_known([[cell for cell in row if cell.text] for row in cells]):
            names_shown = tuple(heading(content, name) for name in shown)
            found.append(
                Matrix(
                    f"brains-{i}", _KINDS.get(kind, kind), "Brain measure", names_shown,
                    names_shown, cells, len(names) - len(shown),
                )
            )  # fmt: skip
    return found


def _pairs(content: Content, kind: str) -> Iterator[tuple[tuple[str, str], Correlation]]:
    """Yield the correlation of each two brain measures, in both orders."""
    table = content.linked.agreement
    mine = table[table["kind"] == kind]
    numbers = mine[["n", "value", "low", "high", "p"]].to_numpy(np.float64, na_value=np.nan)
    names = mine[["first", "second"]].astype(str).itertuples(index=False, name=None)
    for (first, second), (n, value, low, high, p) in zip(names, numbers.tolist(), strict=True):
        found = Correlation(int(n), value, low, high, p, float("nan"))
        yield (first, second), found
        yield (second, first), found
