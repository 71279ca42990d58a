"""Which bars the figure of scores has: rows of bars in panels, from results only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl.report import selection
from heschl.report.palette import model_color
from heschl.report.selection import Analysis
from heschl.report.style import shown
from heschl.results import Results

#: More published models than this are drawn as marks, not as bars of their own.
MAX_PUBLISHED = 3


@dataclass(frozen=True)
class Bar:
    """One bar: a score of a model, or a published one."""

    value: float
    color: str
    published: bool = False
    spread: NDArray[np.float64] | None = None
    stderr: float = float("nan")


@dataclass(frozen=True)
class Row:
    """The bars of one target, listener or region, with what they have in common."""

    label: str
    bars: tuple[Bar, ...]
    ceiling: float = float("nan")
    others: tuple[float, ...] = ()


@dataclass(frozen=True)
class Panel:
    """Rows under one title."""

    title: str
    rows: tuple[Row, ...]

    @property
    def n_bars(self) -> int:
        """Largest number of bars of a row."""
        return max((len(row.bars) for row in self.rows), default=0)


@dataclass(frozen=True)
class Published:
    """Published scores of a dataset: those drawn as bars, and the rest."""

    bars: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    others: tuple[Mapping[str, float], ...] = ()

    def of(self, label: str, *, empty: bool = True) -> tuple[Bar, ...]:
        """Bars of one target; where ``empty``, also those without a value, to keep the order."""
        values = [scores.get(label, float("nan")) for scores in self.bars.values()]
        return tuple(
            Bar(value, "muted", published=True) for value in values if empty or np.isfinite(value)
        )

    def rest(self, label: str) -> tuple[float, ...]:
        """Scores of one target by the models without bars."""
        return tuple(scores[label] for scores in self.others if label in scores)


def panels_of(
    results: Results, group: Analysis, models: Sequence[str], with_dataset: bool
) -> Iterator[Panel]:
    """Yield the panels of one dataset; its name is in the titles if there are several."""
    published = published_scores(group)
    prefix = f"{shown(group.dataset)}: " if with_dataset else ""
    colors = [model_color(models.index(one.model)) for one in group.details]
    if group.few:
        rows = [
            _target_row(results, group, name, colors, published) for name in _all_targets(group)
        ]
        yield Panel(f"{prefix}Each {selection.noun(results, group.details[0])}", tuple(rows))
        return
    several = any(selection.members(detail, "listener") for detail in group.details)
    title = "All listeners (mean)" if several else "All (median)"
    yield Panel(prefix + title, (_dataset_row(results, group, colors, published),))
    for column in ("listener", "region"):
        rows = _group_rows(results, group, column, colors, published)
        if rows:
            yield Panel(f"{prefix}Each {column} (median)", tuple(rows))


def published_scores(group: Analysis) -> Published:
    """Choose which published models get bars: all of a few, else those that were run here."""
    found: dict[str, Mapping[str, float]] = {}
    for detail in group.details:
        found.update(detail.published)
    found = dict(sorted(found.items()))
    if len(found) <= MAX_PUBLISHED:
        return Published(found)
    here = {detail.model for detail in group.details}
    bars = {name: scores for name, scores in found.items() if name in here}
    return Published(bars, tuple(scores for name, scores in found.items() if name not in here))


def _all_targets(group: Analysis) -> list[str]:
    names = [name for detail in group.details for name in selection.target_names(detail)]
    return list(dict.fromkeys(names))


def _target_row(
    results: Results,
    group: Analysis,
    name: str,
    colors: Sequence[str],
    published: Published,
) -> Row:
    bars, limits = [], []
    for detail, paint in zip(group.details, colors, strict=True):
        values = dict(zip(selection.target_names(detail), detail.r2, strict=True))
        limit = dict(zip(values, selection.ceilings(results, detail), strict=True))
        bars.append(Bar(float(values.get(name, np.nan)), paint))
        limits.append(limit.get(name, np.nan))
    return Row(name, tuple(bars) + published.of(name), selection.mean(limits), published.rest(name))


def _dataset_row(
    results: Results, group: Analysis, colors: Sequence[str], published: Published
) -> Row:
    bars, limits = [], []
    for detail, paint in zip(group.details, colors, strict=True):
        row = selection.dataset_row(results, detail)
        medians = selection.listener_medians(detail) or [selection.median(detail.r2)]
        value = selection.mean(medians) if row is None else row["value"]
        stderr = float("nan") if row is None else row["stderr"]
        bars.append(Bar(value, paint, spread=_known(detail.r2), stderr=stderr))
        limits.append(selection.median(selection.ceilings(results, detail)))
    tail = published.of("all", empty=False)
    return Row("all", tuple(bars) + tail, selection.mean(limits), published.rest("all"))


def _group_rows(
    results: Results,
    group: Analysis,
    column: str,
    colors: Sequence[str],
    published: Published,
) -> list[Row]:
    """Return a row for each listener or region; none if there are not at least two."""
    where = [selection.members(detail, column) for detail in group.details]
    names = list(dict.fromkeys(name for one in where for name in one))
    if len(names) < 2:
        return []
    limits = [selection.ceilings(results, detail) for detail in group.details]
    nothing = np.array([], np.intp)
    rows = []
    for name in names:
        bars, tops = [], []
        for detail, own, limit, paint in zip(group.details, where, limits, colors, strict=True):
            index = own.get(name, nothing)
            values = _known(detail.r2[index])
            bars.append(Bar(selection.median(values), paint, spread=values))
            tops.append(selection.median(limit[index]))
        tail = published.of(name, empty=False)
        rows.append(Row(name, tuple(bars) + tail, selection.mean(tops), published.rest(name)))
    return rows


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values[np.isfinite(values)], np.float64)
