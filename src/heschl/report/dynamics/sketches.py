"""The figures of the page, with their captions and what they show in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from heschl.report.drawings import Sketch
from heschl.report.dynamics.course import Course
from heschl.report.dynamics.course_figure import plot_course
from heschl.report.dynamics.heat_maps import plot_heat_maps
from heschl.report.dynamics.layer_grid import LayerGrid
from heschl.report.dynamics.losses import MAX_POINTS, Losses
from heschl.report.dynamics.measures import EVERYWHERE, Measure, regions, targets
from heschl.report.dynamics.panels import Panel, panel
from heschl.report.dynamics.steps_axis import StepsAxis
from heschl.report.dynamics.texts import value_text

#: Largest number of small panels of a figure.
MAX_TARGETS = 12


def whole_panels(course: Course, found: Sequence[Measure]) -> list[Panel]:
    """Return the panel of all of auditory cortex of each measure that has one."""
    panels = [panel(course, measure, title=measure.title) for measure in found]
    return [one for one in panels if one is not None]


def course_sketch(
    course: Course, panels: Sequence[Panel], axis: StepsAxis, losses: Losses | None
) -> Sketch:
    """Return the main figure: each measure, and the loss."""
    plot = partial(plot_course, panels, course.layers, axis, losses=losses)
    told = " ".join(_told(one) for one in panels)
    title = "Similarity while it trained" if losses is None else "Similarity and loss"
    label = f"Lines over steps. {told}"
    if losses is not None and losses.main is not None:
        values = losses.main.values
        label += f" Loss: {value_text(values[0])} to {value_text(values[-1])}."
    return Sketch(title, _caption(panels, axis, losses), label, "course", plot)


def region_sketches(course: Course, found: Sequence[Measure], axis: StepsAxis) -> Iterator[Sketch]:
    """Yield the regions of each measure that has any."""
    for i, measure in enumerate(found):
        panels = [
            one
            for region in regions(course, measure)
            if (one := panel(course, measure, region=region, title=region)) is not None
        ]
        if panels:
            plot = partial(plot_course, panels, course.layers, axis, n_columns=3, alike=True)
            label = f"Lines over steps for each region. {' '.join(map(_told, panels))}"
            title = f"{measure.title}: regions"
            yield Sketch(title, _caption(panels, axis, None), label, f"regions-{i}", plot)


def target_sketches(course: Course, found: Sequence[Measure], axis: StepsAxis) -> Iterator[Sketch]:
    """Yield the components or listeners of each measure that has any."""
    for i, measure in enumerate(found):
        names = targets(course, measure)
        found_panels = (
            panel(course, measure, region=EVERYWHERE, target=name, title=name)
            for name in names[:MAX_TARGETS]
        )
        # the curves of all layers would be too much for panels of this size
        panels = [replace(one, layers=()) for one in found_panels if one is not None]
        if panels:
            plot = partial(
                plot_course, panels, course.layers, axis, n_columns=3, alike=True, height=2.0
            )
            caption = _caption(panels, axis, None)
            if len(names) > MAX_TARGETS:
                caption += f" The first {MAX_TARGETS} of {len(names)}; the table has all."
            label = f"Lines over steps for each target. {' '.join(map(_told, panels))}"
            title = f"{measure.title}: each component or listener"
            yield Sketch(title, caption, label, f"targets-{i}", plot)


def heat_sketches(grids: Sequence[Sequence[LayerGrid]], axis: StepsAxis) -> Iterator[Sketch]:
    """Yield the maps of layers by steps of each measure."""
    for i, mine in enumerate(grids):
        deep = [grid for grid in mine if len(grid.layers) > 1 and len(grid.steps) > 1]
        if deep:
            measure = deep[0].measure
            label = f"Maps of {measure.symbol} of each layer at each step. "
            label += " ".join(_peak(grid) for grid in deep)
            caption = (
                "Each row is a layer, the last one at the top; each column a step. The values are "
                "in the table and in the stepped view below."
            )
            plot = partial(plot_heat_maps, deep, axis)
            yield Sketch(f"{measure.title}: layers by steps", caption, label, f"heat-{i}", plot)


def _told(one: Panel) -> str:
    values = one.main.values
    text = f"{one.title}: {one.symbol} {value_text(values[0])} to {value_text(values[-1])}"
    return (
        f"{text}, ceiling {value_text(one.ceiling)}." if one.ceiling == one.ceiling else f"{text}."
    )


def _peak(grid: LayerGrid) -> str:
    layer, step = np.unravel_index(int(np.nanargmax(grid.values)), grid.values.shape)
    value = value_text(float(grid.values[layer, step]))
    return f"{grid.place}: largest {value}, {grid.layers[layer]} at step {grid.steps[step]:,}."


def _caption(panels: Sequence[Panel], axis: StepsAxis, losses: Losses | None) -> str:
    several = any(one.runs for one in panels)
    layers = any(one.layers for one in panels)
    parts = ["Thin lines: each layer by itself, coloured by depth."] if layers else []
    if several:
        parts.append("Layers and the thick line: means over the runs.")
    if any(np.isfinite(one.ceiling) for one in panels):
        parts.append("Dashed: the ceiling, the most that any model could reach.")
    if any(one.baselines for one in panels):
        parts.append("Dash-dotted: other models.")
    if axis.log:
        parts.append("Steps are placed by log(1 + step / first step), so that 0 has a place.")
    if losses is not None and losses.averaged:
        parts.append(f"Losses are means over {MAX_POINTS} stretches of steps.")
    return " ".join(parts)
