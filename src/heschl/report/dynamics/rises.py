"""The figure of the steps at which the layers have reached half of their rise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from heschl.dynamics.rise import THRESHOLD, half_rise
from heschl.report.drawings import Sketch
from heschl.report.dynamics.course import Course
from heschl.report.dynamics.measures import EVERYWHERE, Measure, regions
from heschl.report.dynamics.rise_dots import Rise, plot_rises
from heschl.report.dynamics.steps_axis import StepsAxis


def rises_of(course: Course, found: Sequence[Measure]) -> list[Rise]:
    """Return when the layers rose, of each measure and region in which one did."""
    table = half_rise(course.mean.assign(run="mean"))
    table = table[(table["layer"] != "") & np.isfinite(table["half_step"])]
    rises = []
    several = len(set(zip(table["dataset"], table["metric"], strict=True))) > 1
    for measure in found:
        mine = measure.of(table).sort_values("layer_index", kind="stable")
        for region in (EVERYWHERE, *regions(course, measure)):
            rows = mine[mine["region"] == region]
            if rows.empty:
                continue
            steps = dict(zip(rows["layer"], rows["half_step"].astype(float), strict=True))
            rises.append(Rise(_label(measure, region, several), steps))
    return rises


def rise_sketch(course: Course, found: Sequence[Measure], axis: StepsAxis) -> Iterator[Sketch]:
    """Yield the figure, if any layer rises."""
    rises = rises_of(course, found)
    if not rises or len(course.layers) < 2:
        return
    several = ", of the mean over the runs," if len(course.runs) > 1 else ""
    caption = (
        f"The step at which each layer{several} has come half the way from its value at the first "
        f"step to its largest one. What rises by no more than {THRESHOLD:g} has no dot."
    )
    plot = partial(plot_rises, rises, course.layers, axis)
    label = f"Dots over layers. {' '.join(map(_told, rises))}"
    yield Sketch("Half of the rise, layer by layer", caption, label, "rises", plot)


def _label(measure: Measure, region: str, named: bool) -> str:
    place = "all of auditory cortex" if region == EVERYWHERE else region
    return f"{measure.title}: {place}" if named else place


def _told(rise: Rise) -> str:
    told = ", ".join(f"{layer} {step:,.0f}" for layer, step in rise.steps.items())
    return f"{rise.label}: {told}."
