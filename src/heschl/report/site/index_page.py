"""The first page: the answer, models in the plane of two measures, and the leaderboard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from heschl.report.site.addresses import dataset_page, task_page
from heschl.report.site.answer import answer
from heschl.report.site.content import Content
from heschl.report.site.downloads import Download
from heschl.report.site.figures import Filing
from heschl.report.site.leaderboard import leaderboard
from heschl.report.site.measures import Measure, by_dataset
from heschl.report.site.plane import draw_plane, legend
from heschl.report.wording import number


@dataclass(frozen=True)
class DataCard:
    """A dataset or task on the first page: what leads there, and who is best."""

    name: str
    href: str
    what: str
    best: str
    value: str


def index_page(content: Content, downloads: list[Download], filing: Filing) -> dict[str, Any]:
    """Return what the template of the first page shows."""
    return {
        "answer": answer(content),
        "plane": draw_plane(content, filing),
        "legend": legend(content),
        "board": leaderboard(content),
        "brain_cards": list(_cards(content, "brain", content.datasets)),
        "task_cards": list(_cards(content, "task", content.task_names)),
        "downloads": downloads,
    }


def _cards(content: Content, kind: str, names: tuple[str, ...]) -> Iterator[DataCard]:
    measures = by_dataset(content.measures, kind)
    for name in names:
        mine = measures.get(name, ())
        page = task_page(name) if kind == "task" else dataset_page(name)
        main = next((one for one in mine if one.whole), mine[0] if mine else None)
        yield DataCard(name, page, _what(mine), *_best(content, main))


def _what(measures: tuple[Measure, ...]) -> str:
    """Say how a dataset was used."""
    used = dict.fromkeys(
        f"{one.metric} {one.protocol}" if one.kind == "brain" else f"probe {one.protocol}"
        for one in measures
    )
    return ", ".join(used)


def _best(content: Content, measure: Measure | None) -> tuple[str, str]:
    if measure is None:
        return "", ""
    ranked = content.ranked(measure)
    if not ranked:
        return "", ""
    best = ranked[0].name
    return best, f"{measure.label}: {number(content.value(best, measure).value, 3)}"
