"""The cells of a column of the leaderboard: numbers with their intervals, ceilings and bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heschl.report.site.content import Content
from heschl.report.site.measures import Measure, Model
from heschl.report.site.numbers import span
from heschl.report.wording import DASH, number


@dataclass(frozen=True)
class BoardCell:
    """A number: how it is shown and sorted, its interval, its ceiling if that is its own.

    ``bar``: where its bar begins and ends, in percent; ``failed`` says why there is no number.
    """

    text: str
    sort: str
    span: str = ""
    ceiling: str = ""
    bar: tuple[int, int] | None = None
    failed: str = ""


def common_ceiling(content: Content, measure: Measure) -> float:
    """Return the ceiling if all models that have one have the same; nan otherwise."""
    tops = [content.value(one.name, measure).ceiling for one in content.models]
    known = [top for top in tops if np.isfinite(top)]
    return known[0] if known and np.ptp(known) < 1e-9 else float("nan")


def _scale(content: Content, measure: Measure, top: float) -> tuple[float, float]:
    """Return both ends of the scale of bars: 0 is on it, and the ceiling."""
    values = [content.value(one.name, measure).value for one in content.models]
    known = [*(v for v in values if np.isfinite(v)), *([top] if np.isfinite(top) else [])]
    low, high = min([0.0, *known]), max([0.0, *known])
    return low, high if high > low else low + 1


def column_cells(content: Content, measure: Measure, top: float) -> dict[str, BoardCell]:
    """Return the cells of a measure by model."""
    scale = _scale(content, measure, top)
    return {one.name: _cell(content, one, measure, scale, top) for one in content.models}


def _cell(
    content: Content, model: Model, measure: Measure, scale: tuple[float, float], top: float
) -> BoardCell:
    found = content.value(model.name, measure)
    if not found.known:
        failure = content.failed(model.name, measure)
        return BoardCell("failed" if failure else DASH, "", failed=failure.error if failure else "")
    low, high = scale
    own = np.isfinite(found.ceiling) and not np.isfinite(top)
    return BoardCell(
        number(found.value, 3),
        repr(found.value),
        span(found.low, found.high, 2),
        number(found.ceiling, 3) if own else "",
        _bar(found.value, low, high),
    )


def _bar(value: float, low: float, high: float) -> tuple[int, int]:
    """Return the ends of a bar from 0 to a value, in percent of a scale."""
    zero, end = (round(100 * (one - low) / (high - low)) for one in (0.0, value))
    return min(zero, end), max(zero, end)
