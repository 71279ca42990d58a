"""The page of a training: everything in one HTML file that needs no network and no other file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from heschl.report import palette
from heschl.report.drawings import Drawing, Sketch
from heschl.report.dynamics import depth_colors, sketches
from heschl.report.dynamics.answer import Answer, answer, loss_sentence
from heschl.report.dynamics.course import Course
from heschl.report.dynamics.layer_grid import LayerGrid, layer_grids
from heschl.report.dynamics.losses import Losses, losses_of
from heschl.report.dynamics.measures import Measure, measures
from heschl.report.dynamics.panels import panel
from heschl.report.dynamics.profile_view import ProfileView, profile_view
from heschl.report.dynamics.rises import rise_sketch
from heschl.report.dynamics.steps_axis import StepsAxis, steps_axis
from heschl.report.dynamics.value_tables import packed_csv, value_tables
from heschl.report.record import Entry, entry
from heschl.report.single import render_single

#: The parts of its script, in order.
SCRIPTS = ("basics.js", "tables.js", "download.js", "dynamics/profile.js")


def render(course: Course) -> str:
    """Return the page as text; the same course gives the same text."""
    found = measures(course)
    axis = axis_of(course)
    losses = losses_of(course, axis)
    grids = [layer_grids(course, measure) for measure in found]
    n_layers = len(course.layers)
    light, dark = (
        palette.css_variables(dark=dark) + depth_colors.css_variables(n_layers, dark=dark)
        for dark in (False, True)
    )
    return render_single(
        "dynamics/page.html",
        styles=["style.css", "dynamics/dynamics.css"],
        scripts=SCRIPTS,
        light=light,
        dark=dark,
        title=_title(course),
        answers=_answers(course, found),
        loss=None if losses is None else _loss(losses),
        courses=list(_courses(course, found, axis, losses)),
        rises=list(_drawn(rise_sketch(course, found, axis), n_layers)),
        heat=list(_drawn(sketches.heat_sketches(grids, axis), n_layers)),
        view=_view(course, grids),
        tables=value_tables(course),
        csv=packed_csv(course),
        n_rows=len(course.scores),
        records=list(_records(course)),
    )


def axis_of(course: Course) -> StepsAxis:
    """Return the axis of steps that all figures share."""
    ends = [float(table["step"].iloc[-1]) for table in course.losses.values()]
    return steps_axis(course.steps, ends)


def _title(course: Course) -> str:
    names = course.runs
    bare = {re.sub(r" \(\d+\)$", "", name) for name in names}
    if len(bare) == 1:  # one recipe with several seeds
        runs = f" in {len(names)} runs" if len(names) > 1 else ""
        return f"How brain-like {bare.pop() if runs else names[0]} became{runs}"
    return f"How brain-like {names[0]} and {len(names) - 1} more became"


def _answers(course: Course, found: Sequence[Measure]) -> list[Answer]:
    pairs = ((measure, panel(course, measure, title=measure.title)) for measure in found)
    return [answer(course, measure, whole) for measure, whole in pairs if whole is not None]


def _loss(losses: Losses) -> str:
    curves = losses.runs if losses.main is None else (losses.main,)
    return loss_sentence(curves, averaged=losses.averaged)


def _courses(
    course: Course, found: Sequence[Measure], axis: StepsAxis, losses: Losses | None
) -> Iterator[Drawing]:
    """Yield the figures over steps: the main one, regions, targets."""
    panels = sketches.whole_panels(course, found)
    there = panels or losses is not None
    first = [sketches.course_sketch(course, panels, axis, losses)] if there else []
    yield from _drawn(first, len(course.layers))
    yield from _drawn(sketches.region_sketches(course, found, axis), len(course.layers))
    yield from _drawn(sketches.target_sketches(course, found, axis), len(course.layers))


def _drawn(found: Iterable[Sketch], n: int) -> Iterator[Drawing]:
    for sketch in found:
        yield depth_colors.draw_layers(sketch, n)


def _view(course: Course, grids: Sequence[Sequence[LayerGrid]]) -> ProfileView | None:
    deep = [grid for mine in grids for grid in mine if len(grid.layers) > 1 and len(grid.steps) > 1]
    return profile_view(deep, course.layers) if deep else None


def _records(course: Course) -> Iterator[Entry]:
    for run, record in course.provenance.items():
        if record:
            yield entry(run, record)
