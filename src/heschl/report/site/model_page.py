"""The page of a model: its facts, scores, figures, sounds, controls and commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from heschl.report.record import records
from heschl.report.selection import sound_column
from heschl.report.site.addresses import slug
from heschl.report.site.content import Content
from heschl.report.site.facts import facts
from heschl.report.site.figures import Filing
from heschl.report.site.measures import Measure, Model
from heschl.report.site.model_figures import (
    brain_sketches,
    control_sketches,
    task_figure_sketches,
)
from heschl.report.site.model_tables import control_listing, score_listing
from heschl.report.site.numbers import span
from heschl.report.site.parts import n_runs, results_of
from heschl.report.site.sounds import heard
from heschl.report.wording import number
from heschl.results import Results

#: Measures that stand large at the top of the page.
N_TILES = 4


@dataclass(frozen=True)
class Tile:
    """A measure at the top of the page: the model's number, its interval, its place."""

    label: str
    href: str
    value: str
    span: str
    rank: tuple[int, int] | None


def model_page(content: Content, model: Model, filing: Filing) -> dict[str, Any]:
    """Return what the template of a model's page shows; write the files of its figures."""
    mine = results_of(content.results, model.name)
    ids = {
        name: f"heard-{i}" for i, name in enumerate(dict.fromkeys(d.dataset for d in mine.details))
    }
    own = not model.control
    brains = brain_sketches(mine, model.name, ids) if own else control_sketches(mine)
    tasks = task_figure_sketches(mine) if own else ()
    spec = content.specs.get(model.name, {})
    commands = content.commands.get(model.name, ())
    lists = (
        [heard(mine, one, content.sounds.get(one.dataset)) for one in mine.details] if own else []
    )
    return {
        "model": model,
        "summary": str(spec.get("summary") or ""),
        "facts": facts(model, spec),
        "tiles": list(_tiles(content, model)),
        "scores": score_listing(content, model),
        "brain_figures": [filing.draw(one) for one in brains],
        "task_figures": [filing.draw(one) for one in tasks],
        "heard": [one for one in lists if one is not None],
        "points": list(_points(content, mine, ids)) if own else [],
        "against": control_listing(content, model),
        "controls": [one for one in content.controls if one.base == model.name],
        "failures": [one for one in content.failures if one.model == model.name],
        "command": commands if isinstance(commands, str) else "\n".join(commands),
        "n_runs": n_runs(content.results, model.name),
        "records": list(records(mine)),
    }


def filing_of(model: Model) -> str:
    """Return the part of the addresses of the files of a model's figures."""
    return f"models/{slug(model.name)}"


def _tiles(content: Content, model: Model) -> Iterator[Tile]:
    shown: list[Measure] = [one for one in content.tasks if one.kind == "overall"]
    brains = [one for one in content.brains if one.whole] or list(content.brains)
    shown += brains if shown else [*brains[:2], *content.tasks]
    known = [one for one in shown if content.value(model.name, one).known]
    for one in known[:N_TILES]:
        found = content.value(model.name, one)
        yield Tile(
            one.label,
            content.measure_page(one.name),
            number(found.value),
            span(found.low, found.high, 2),
            content.rank(model.name, one),
        )


def _points(content: Content, results: Results, ids: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the names of the sounds behind the points of each dataset, and where they are."""
    for dataset, identity in ids.items():
        names = [sound_column(one, "sound") for one in results.details if one.dataset == dataset]
        sources = content.sounds.get(dataset)
        yield {
            "id": identity,
            "details": names,
            "sources": None if sources is None else dict(sources),
        }
