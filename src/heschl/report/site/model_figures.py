"""The figures of a model's page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from heschl.report import selection
from heschl.report.cortex_drawings import groups, interval_sketches, layer_sketches
from heschl.report.drawings import Sketch, prediction_sketches, score_sketches
from heschl.report.task_sketches import bar_sketches, weight_sketches
from heschl.results import Results


def brain_sketches(results: Results, model: str, ids: Mapping[str, str]) -> Iterator[Sketch]:
    """Yield scores and layers of one model's comparisons with brains.

    Of a few targets (components): bars, and predicted against measured responses, whose points are
    sounds. Of many: all listeners, each region, each listener.

    Parameters
    ----------
    results : Results
        Of the model.
    model : str
    ids : mapping of str to str
        For each dataset the id of its sounds on the page.
    """
    few = replace(
        results,
        details=tuple(d for one in selection.analyses(results) if one.few for d in one.details),
    )
    yield from score_sketches(few)
    yield from prediction_sketches(few, ids)
    for i, group in enumerate(groups(results)):
        yield from interval_sketches(group, [model], i)
        yield from layer_sketches(group, i)


def control_sketches(results: Results) -> Iterator[Sketch]:
    """Yield the layers of a control: the rest is in its tables."""
    for i, group in enumerate(groups(results)):
        yield from layer_sketches(group, i)


def task_figure_sketches(results: Results) -> Iterator[Sketch]:
    """Yield the scores of one model on tasks, and the layers that they use."""
    if selection.tests_hearing(results):
        yield from bar_sketches(results)
        yield from weight_sketches(results)
