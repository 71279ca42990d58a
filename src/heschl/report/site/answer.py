"""The answer of a study in one paragraph: whether hearing and brain similarity go together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from heschl.report.site.content import Content
from heschl.report.site.correlations import Correlation
from heschl.report.site.measures import Measure
from heschl.report.site.numbers import r_text
from heschl.report.site.pairs import models_with_both
from heschl.report.wording import number, plural

#: From these sizes of r on a relation is called so.
_ADVERBS = ((0.7, "strongly"), (0.4, "moderately"), (0.0, "weakly"))


@dataclass(frozen=True)
class Answer:
    """What the first page says.

    Attributes
    ----------
    value, kind : str
        The number that answers, and what it is; empty where there is none.
    sentences : tuple of str
    facts : tuple of (str, str)
        Name and value of the small facts.
    """

    value: str
    kind: str
    sentences: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


def answer(content: Content) -> Answer:
    """Return the answer, in words that the numbers carry."""
    task, brain = content.main_task, content.main_brain
    value, kind = "", ""
    if task is not None and brain is not None:
        found = content.correlation(task, brain)
        # without an interval it must not stand large
        if found is not None and found.known and found.has_interval:
            value = r_text(found.value)
            kind = f"Pearson’s r of {task.label} and {brain.label}, {plural(found.n, 'model')}; "
            kind += f"95 % interval {r_text(found.low)} to {r_text(found.high)}"
    return Answer(value, kind, tuple(_sentences(content)), tuple(_facts(content)))


def _sentences(content: Content) -> Iterator[str]:
    task, brain = content.main_task, content.main_brain
    if task is not None and brain is not None:
        yield _relation(content, task, brain)
        yield from _range(content, task, brain)
    elif task is not None:
        yield "No model was compared with a brain, so this study says how well the models hear."
    elif brain is not None:
        yield (
            "No model was tested on hearing tasks, so this study says how brain-like the models "
            "are."
        )
    else:
        yield "No model has a score."
    yield from _best(content)


def _relation(content: Content, task: Measure, brain: Measure) -> str:
    found = content.correlation(task, brain)
    n = len(models_with_both(content, task, brain))
    both = f"both {task.label} and {brain.label}"
    if n == 0:
        return f"No model has {both}, so nothing can be said of how they go together."
    if n < 3:
        have = "has" if n == 1 else "have"
        return f"Only {plural(n, 'model')} {have} {both}: too few to say how they go together."
    if found is None or not found.known:
        return (
            f"How {task.label} and {brain.label} go together is not defined here: all models have "
            "the same number in one of them."
        )
    numbers = f"over {plural(found.n, 'model')}, {task.label} and {brain.label} correlate with "
    numbers += f"r = {r_text(found.value)}"
    if not found.has_interval:
        return f"There are too few models to say how firmly: {numbers}."
    numbers += f" (95 % interval from {r_text(found.low)} to {r_text(found.high)})"
    return f"{_claim(found)}: {numbers}."


def _claim(found: Correlation) -> str:
    if found.low <= 0 <= found.high:
        return (
            "Whether models that hear better are more brain-like cannot be told from these models"
        )
    how = next(adverb for least, adverb in _ADVERBS if abs(found.value) >= least)
    direction = "more" if found.value > 0 else "less"
    return f"Models that are better at hearing are also {direction} brain-like, {how} so"


def _range(content: Content, task: Measure, main: Measure) -> Iterator[str]:
    """Yield the range over all other brain measures."""
    others = [content.correlation(task, one) for one in content.brains if one != main]
    values = [one.value for one in others if one is not None and one.known]
    if len(values) < 2:
        return
    yield (
        f"With the {len(values)} other measures of brains, r lies between {r_text(min(values))} "
        f"and {r_text(max(values))}."
    )


def _best(content: Content) -> Iterator[str]:
    for measure, what in (
        (content.main_task, "hears best"),
        (content.main_brain, "is most brain-like"),
    ):
        if measure is None:
            continue
        ranked = content.ranked(measure)
        if not ranked:
            continue
        found = content.value(ranked[0].name, measure)
        of = f", of a ceiling of {number(found.ceiling)}" if math.isfinite(found.ceiling) else ""
        yield f"{ranked[0].name} {what} ({measure.label}: {number(found.value)}{of})."


def _facts(content: Content) -> Iterator[tuple[str, str]]:
    yield "Models", f"{len(content.own):,}"
    if content.controls:
        yield "Controls", f"{len(content.controls):,}"
    families = {one.family for one in content.own if one.family}
    if families:
        yield "Families", f"{len(families):,}"
    if content.datasets:
        yield "Brain datasets", f"{len(content.datasets):,}"
    if content.task_names:
        yield "Hearing tasks", f"{len(content.task_names):,}"
    yield "Scores", f"{len(content.results.scores):,}"
    if content.failures:
        yield "Failed", f"{len(content.failures):,}"
