"""Writing of the figures and the table for a paper."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from heschl import store
from heschl.errors import InputError, UsageError
from heschl.linking import Linked
from heschl.report.paper.agreement_figure import agreement
from heschl.report.paper.bar_figures import brain_similarity, component_similarity
from heschl.report.paper.correlation_table import correlation_table
from heschl.report.paper.downstream_figure import downstream
from heschl.report.paper.families import Look, looks_of
from heschl.report.paper.sheet import paper_style
from heschl.report.paper.table_drawing import draw_table
from heschl.report.paper.table_text import as_csv, as_latex
from heschl.results import Results

#: Kinds of files, each with what keeps the date out of it: the same numbers give the same bytes.
FORMATS: Mapping[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {},
}

Draw = Callable[[Linked, Mapping[str, Look], str], list[Figure]]

#: Names of the files, as the figures are numbered in the publication; how each is drawn; and what
#: is missing where it is not.
FIGURES: Mapping[str, tuple[Draw, str]] = {
    "figure2": (brain_similarity, "no model has a score on a brain dataset"),
    "figure3": (
        agreement,
        "no three models have scores on two datasets, or of two kinds of similarity",
    ),
    "figure4": (component_similarity, "no dataset of up to 12 targets (components) has scores"),
    "figure6": (downstream, "no model has both an overall score on tasks and one on a brain"),
}

_log = logging.getLogger(__name__)


def write_paper_figures(
    results: Results, linked: Linked, folder: str | Path, *, formats: Sequence[str] = ("pdf",)
) -> list[Path]:
    """Write figures 2, 3, 4, 6 and table 1 of Pepino et al. (2025), of any study.

    What cannot be drawn from what the study has is left out, with a warning in the log.

    Parameters
    ----------
    results : Results
        Of the study.
    linked : Linked
        Made from them.
    folder : path
        Made if it is not there; files of the same names are replaced.
    formats : sequence of str, optional
        Of "pdf", "svg", "png". The table is written as CSV and LaTeX in any case.

    Returns
    -------
    list of Path
        The files: ``figure2.pdf`` and so on, ``figure2-2.pdf`` where a second page is needed.

    Raises
    ------
    UsageError
        If a format is not known, or there is none.
    InputError
        If there is nothing to draw.
    StoreError
        If the folder cannot be written.
    """
    chosen = _formats(formats)
    folder = Path(folder)
    written: list[Path] = []
    with paper_style():
        for name, figure in _figures(results, linked):
            written += [_save(figure, folder, f"{name}.{kind}", kind) for kind in chosen]
        written += _write_table(linked, folder, chosen)
    if not written:
        raise InputError(
            "there is nothing to draw: no model has a score on a brain dataset; expected linked "
            "results of at least one model"
        )
    return written


def _formats(formats: Sequence[str]) -> list[str]:
    chosen = list(dict.fromkeys([formats] if isinstance(formats, str) else formats))
    for one in chosen or [""]:
        if one not in FORMATS:
            what = f"format {one!r} is not known" if one else "no format is given"
            raise UsageError(f"{what}; expected one or more of: {', '.join(FORMATS)}")
    return chosen


def _figures(results: Results, linked: Linked) -> Iterator[tuple[str, Figure]]:
    looks, interval = looks_of(linked.models), _interval(results)
    for name, (draw, missing) in FIGURES.items():
        figures = draw(linked, looks, interval)
        if not figures:
            _log.warning("%s is left out: %s", name, missing)
        for i, figure in enumerate(figures):
            yield (f"{name}-{i + 1}" if i else name), figure


def _write_table(linked: Linked, folder: Path, formats: Sequence[str]) -> list[Path]:
    table = correlation_table(linked)
    if table is None:
        _log.warning("table1 is left out: no task has scores of models that have one on a brain")
        return []
    written = []
    for i, figure in enumerate(draw_table(table)):
        name = f"table1-{i + 1}" if i else "table1"
        written += [_save(figure, folder, f"{name}.{kind}", kind) for kind in formats]
    for kind, text in (("csv", as_csv(table)), ("tex", as_latex(table))):
        store.write_text(folder / f"table1.{kind}", text)
        written.append(folder / f"table1.{kind}")
    return written


def _interval(results: Results) -> str:
    """Return what intervals are called: with their level if all scores have the same."""
    records = (dict(one.get("uncertainty") or {}) for one in results.provenance.values())
    levels = {one["level"] for one in records if "level" in one}
    return f"{100 * levels.pop():g} % interval" if len(levels) == 1 else "interval"


def _save(figure: Figure, folder: Path, name: str, kind: str) -> Path:
    def write(file: Path) -> None:
        figure.savefig(file, format=kind, metadata=FORMATS[kind])

    return store.write_atomic(folder, name, write)
