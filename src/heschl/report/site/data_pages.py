"""The pages of datasets and of tasks: their facts, the ranking, what they agree with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from heschl.report.drawings import Sketch
from heschl.report.record import Entry, entry
from heschl.report.site.content import Content
from heschl.report.site.data_tables import agreement_listing, correlation_listing
from heschl.report.site.failures import concerns
from heschl.report.site.figures import Filing
from heschl.report.site.leaderboard import board
from heschl.report.site.measures import Measure
from heschl.report.site.ranking_figure import plot_ranking
from heschl.report.task_selection import task_groups
from heschl.report.wording import number

#: Rankings that are drawn at most, and their lines all together: a page must not become heavy.
MAX_FIGURES, MAX_LINES = 8, 200
#: Cells of the table at most.
MAX_CELLS = 5000
#: Facts that stand above the rest of the record, with their labels.
_FACTS = {
    "kind": "Kind",
    "prediction": "Kind",
    "n_sounds": "Sounds",
    "n_targets": "Targets",
    "n_repeats": "Repetitions",
    "licence": "Licence",
    "ceiling": "Ceiling",
    "citation": "Citation",
}


def data_page(content: Content, name: str, kind: str, filing: Filing) -> dict[str, Any]:
    """Return what the template of a dataset (kind "brain") or task (kind "task") shows."""
    measures = [one for one in content.measures if one.kind == kind and one.dataset == name]
    measures.sort(key=lambda one: not one.whole)
    chances = _chances(content, name) if kind == "task" else {}
    drawn = [filing.draw(one) for one in _rankings(content, measures, chances)]
    found = _records(content, name, "task" if kind == "task" else "dataset")
    return {
        "name": name,
        "kind": kind,
        "facts": _facts(found[0]) if found else [],
        "records": [_rest(one) for one in found],
        "figures": drawn,
        "board": board(content, measures, most_cells=MAX_CELLS) if measures else None,
        "correlations": correlation_listing(content, measures),
        "agreement": agreement_listing(content, measures),
        "failures": [
            one for one in content.failures if any(concerns(one, measure) for measure in measures)
        ],
    }


def _rankings(
    content: Content, measures: Sequence[Measure], chances: Mapping[str, float]
) -> Iterator[Sketch]:
    known = [one for one in measures if content.ranked(one)]
    most = min(MAX_FIGURES, max(MAX_LINES // max(len(content.own), 1), 1))
    for i, measure in enumerate(known[:most]):
        told = [
            f"{one.name} {number(content.value(one.name, measure).value, 3)}"
            for one in content.ranked(measure)
        ]
        chance = chances.get(measure.protocol, float("nan"))
        caption = "The highest first; lines are 95 % intervals."
        if content.controls:
            caption += " Grey marks: the same model with fresh or shuffled weights."
        yield Sketch(
            measure.label,
            caption,
            f"Points of {measure.label} for each model, the highest first: {', '.join(told)}.",
            f"ranking-{i}",
            partial(plot_ranking, content, measure, chance=chance),
        )


def _chances(content: Content, task: str) -> dict[str, float]:
    """Return chance of the official score of a task by protocol, where all models have one."""
    found = {}
    for group in task_groups(content.results):
        known = [one.chance for one in group.scores if np.isfinite(one.chance)]
        if group.task == task and known and np.ptp(known) < 1e-9:
            found[group.protocol] = known[0]
    return found


def _records(content: Content, name: str, key: str) -> list[Mapping[str, Any]]:
    """Return the different records of a dataset or task, in order of appearance."""
    found: list[Mapping[str, Any]] = []
    for record in content.results.provenance.values():
        one = record.get(key)
        if isinstance(one, Mapping) and one.get("name") == name and one not in found:
            found.append(one)
    return found


def _facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [(label, record[key]) for key, label in _FACTS.items() if record.get(key) is not None]
    clips = record.get("n_clips")
    if isinstance(clips, Mapping):
        facts.insert(1, ("Clips", ", ".join(f"{n:,} {split}" for split, n in clips.items())))
    classes = record.get("classes")
    if isinstance(classes, list | tuple):
        facts.insert(1, ("Classes", f"{len(classes):,}"))
    return [(label, f"{v:,}" if isinstance(v, int) else str(v)) for label, v in facts]


def _rest(record: Mapping[str, Any]) -> tuple[Entry, ...]:
    """Return what is not among the facts: sources and hashes."""
    return entry("", {k: v for k, v in record.items() if k not in (*_FACTS, "name")}).children
