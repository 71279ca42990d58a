"""What the script of the first page draws: models in the plane of two measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from heschl.report.palette import ALL
from heschl.report.site.content import Content
from heschl.report.site.figures import Filing
from heschl.report.site.kinds import LOOKS, look_index, looks_of
from heschl.report.site.measures import Measure
from heschl.report.site.numbers import rounded
from heschl.report.site.pairs import in_words, line_of, models_with_both
from heschl.report.site.plane_figure import plot_plane

#: Brain measures that can be chosen at most, and that are drawn as files; the first ones. Numbers
#: of the page at most: with many models, fewer measures can be chosen.
MAX_BRAINS, MAX_FILES, MAX_NUMBERS = 60, 24, 20_000


@dataclass(frozen=True)
class Plane:
    """The figure of two measures.

    Attributes
    ----------
    tasks, brains : tuple of Measure
        What can be chosen; the first of both are shown.
    data : mapping
        For the script, JSON-ready.
    words : str
        How the first two go together.
    files : tuple of str
        Addresses of the first figure, as SVG and PNG.
    """

    tasks: tuple[Measure, ...]
    brains: tuple[Measure, ...]
    data: Mapping[str, Any]
    words: str
    files: tuple[str, str]


def draw_plane(content: Content, filing: Filing) -> Plane | None:
    """Collect what is drawn, and write the files; None without a model that has both measures."""
    tasks = _with_points(content, content.tasks, content.brains)
    most = min(MAX_BRAINS, max(MAX_NUMBERS // max(len(content.models), 1), 1))
    brains = _with_points(content, content.brains, tasks)[:most]
    main = content.main_brain
    if main in brains:  # it is the first that is offered
        brains = [main, *(one for one in brains if one != main)]
    if not tasks or not brains or not models_with_both(content, tasks[0], brains[0]):
        return None
    files = {
        f"0,{j}": filing.write(partial(plot_plane, content, tasks[0], brain), f"plane-{j}")
        for j, brain in enumerate(brains[:MAX_FILES])
        if models_with_both(content, tasks[0], brain)
    }
    pairs = {
        f"{i},{j}": _pair(content, task, brain)
        for i, task in enumerate(tasks)
        for j, brain in enumerate(brains)
    }
    data = {
        "looks": [{"label": one.label, "color": one.color, "shape": one.shape} for one in LOOKS],
        "models": [
            {
                "name": one.name,
                "href": content.model_page(one.name),
                "look": look_index(one),
                "family": one.family,
                "training": LOOKS[look_index(one)].label,
                "control": one.control,
            }
            for one in content.models
        ],
        "tasks": [_column(content, one) for one in tasks],
        "brains": [_column(content, one) for one in brains],
        "pairs": pairs,
        "files": files,
    }
    return Plane(
        tuple(tasks), tuple(brains), data, in_words(content, tasks[0], brains[0]), files["0,0"]
    )


def _with_points(
    content: Content, measures: Sequence[Measure], others: Sequence[Measure]
) -> list[Measure]:
    """Return the measures that some model has together with another one."""
    return [
        one for one in measures if any(models_with_both(content, one, other) for other in others)
    ]


def _column(content: Content, measure: Measure) -> dict[str, Any]:
    """Return a measure with its numbers in the order of the models."""
    found = [content.value(one.name, measure) for one in content.models]
    return {
        "label": measure.label,
        "values": [rounded(one.value) for one in found],
        "low": [rounded(one.low) for one in found],
        "high": [rounded(one.high) for one in found],
    }


def _pair(content: Content, task: Measure, brain: Measure) -> dict[str, Any]:
    line = line_of(content, task, brain)
    parts = (
        ()
        if line is None
        else (line.slope, line.height, line.center, line.spread, line.reach, line.start, line.end)
    )
    return {
        "words": in_words(content, task, brain),
        "n": 0 if line is None else line.n,
        "line": [rounded(part) for part in parts],
    }


def legend(content: Content) -> list[tuple[str, str, str]]:
    """Return label, colour and shape of each kind of training of the models."""
    drawn = [
        one
        for one in content.own
        if any(content.value(one.name, m).known for m in content.measures)
    ]
    looks = looks_of(drawn)
    return [(one.label, one.color, one.shape) for one in looks if one.color in ALL]
