"""The answer on top of the page: how far similarity rose, beside what could be reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from heschl.dynamics.rise import THRESHOLD
from heschl.report.dynamics.course import Course
from heschl.report.dynamics.measures import Measure
from heschl.report.dynamics.panels import Curve, Panel
from heschl.report.dynamics.texts import step_text, value_text
from heschl.report.wording import plural, small


@dataclass(frozen=True)
class Answer:
    """What is said of one measure.

    Attributes
    ----------
    value, kind : str
        The number that answers, and what it is.
    sentence : str
    notes : tuple of str
    facts : tuple of (str, str)
        Name and value of the small facts.
    """

    value: str
    kind: str
    sentence: str
    notes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


def answer(course: Course, measure: Measure, panel: Panel) -> Answer:
    """Return the answer for one measure; ``panel`` is that of all of auditory cortex."""
    main = panel.main
    first, last = step_text(main.steps[0]), step_text(main.steps[-1])
    kind = f"{panel.symbol} at {last}"
    if len(main.steps) > 1:
        kind += f", {value_text(main.values[0])} at {first}"
    return Answer(
        value_text(main.values[-1]),
        kind,
        _sentence(measure, panel, several=len(course.runs) > 1),
        tuple(_notes(panel)),
        tuple(_facts(course, measure, panel)),
    )


def loss_sentence(curves: Sequence[Curve], *, averaged: bool) -> str:
    """Return how the loss went: of the one run or the mean, or of each run."""
    what = "The loss, averaged over stretches of steps," if averaged else "The loss"
    told = []
    for curve in curves:
        start, end = float(curve.values[0]), float(curve.values[-1])
        ends = f"from {small(start)} at {step_text(curve.steps[0])} to {small(end)} at "
        verb = "rose" if end > start else "fell" if end < start else "stayed"
        told.append(f"{verb} {ends}{step_text(curve.steps[-1])}")
    return f"{what} {'; in another run it '.join(told)}."


def _sentence(measure: Measure, panel: Panel, *, several: bool) -> str:
    main = panel.main
    start, end = float(main.values[0]), float(main.values[-1])
    subject = measure.subject if panel.chosen else f"{measure.subject} of the best layer"
    if several:
        subject += f", mean of {plural(len(panel.runs), 'run')},"
    if len(main.steps) == 1:
        only = step_text(main.steps[0])
        went = f"At {only}, the only one measured, the {subject} is {value_text(end)}"
    else:
        between = f"From {step_text(main.steps[0])} to {step_text(main.steps[-1])}"
        went = f"{between} the {subject} {_change(start, end)}"
    return f"{went}{_references(panel)}."


def _references(panel: Panel) -> str:
    told = [] if np.isnan(panel.ceiling) else [f"the ceiling is {value_text(panel.ceiling)}"]
    for i, (name, value) in enumerate(panel.baselines[:3]):
        told.append(f"{name} {'' if i else 'reaches '}{value_text(value)}")
    return f"; {', '.join(told)}" if told else ""


def _notes(panel: Panel) -> Iterator[str]:
    main = panel.main
    top = int(np.argmax(main.values))
    largest = value_text(main.values[top])
    if largest not in (value_text(main.values[0]), value_text(main.values[-1])):
        yield f"The largest value is {largest}, at {step_text(main.steps[top])}."
    if panel.runs:
        rises = [float(run.values[-1] - run.values[0]) for run in panel.runs]
        yield (
            f"It rose in {sum(rise > 0 for rise in rises)} of {plural(len(rises), 'run')}; changes "
            f"from {value_text(min(rises))} to {value_text(max(rises))}."
        )
    if not panel.chosen and len(panel.layers) > 1:
        yield "The best of several layers at each step: a little too high, as chance chooses too."


def _facts(course: Course, measure: Measure, panel: Panel) -> Iterator[tuple[str, str]]:
    main = panel.main
    if np.isfinite(main.low[-1]):
        yield "Interval at the end", f"{value_text(main.low[-1])} to {value_text(main.high[-1])}"
    if panel.layers:
        ends = [(curve.values[-1], curve.label) for curve in panel.layers]
        value, name = max(ends)
        yield "Best layer at the end", f"{name}, {value_text(value)}"
    if not np.isnan(panel.ceiling):
        yield "Ceiling", value_text(panel.ceiling)
    yield "Protocol", measure.protocol
    yield "Steps measured", f"{len(main.steps):,}"
    if len(course.runs) > 1:
        yield "Runs", f"{len(course.runs):,}"


def _change(start: float, end: float) -> str:
    """Return how a value went; what counts as a rise is said by `heschl.dynamics.half_rise`."""
    first, last = value_text(start), value_text(end)
    if first == last:
        return f"stayed at {last}"
    if abs(end - start) <= THRESHOLD:
        return f"hardly changed, from {first} to {last}"
    return f"{'rose' if end > start else 'fell'} from {first} to {last}"
