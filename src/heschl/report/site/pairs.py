"""Pairs of a task score and a brain measure: their correlation, in numbers and in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.report.site.content import Content
from heschl.report.site.correlations import Correlation
from heschl.report.site.fit import Line, fit_line
from heschl.report.site.measures import Measure, Model
from heschl.report.site.numbers import p_text, r_text
from heschl.report.wording import plural

FloatArray = NDArray[np.float64]


def models_with_both(content: Content, task: Measure, brain: Measure) -> list[Model]:
    """Return the models, controls left out, that have a number in both measures."""
    return [
        one
        for one in content.own
        if content.value(one.name, task).known and content.value(one.name, brain).known
    ]


def points(content: Content, task: Measure, brain: Measure) -> tuple[FloatArray, FloatArray]:
    """Return both numbers of the models that have both, each (n_models,)."""
    models = models_with_both(content, task, brain)
    x, y = (
        np.array([content.value(model.name, one).value for model in models], np.float64)
        for one in (task, brain)
    )
    return x, y


def line_of(content: Content, task: Measure, brain: Measure) -> Line | None:
    """Return the line through the models that have both measures."""
    return fit_line(*points(content, task, brain))


def in_words(content: Content, task: Measure, brain: Measure) -> str:
    """Say how two measures go together over models."""
    found = content.correlation(task, brain)
    n = len(models_with_both(content, task, brain))
    if found is None or not found.known:
        why = "all models have the same number in one of them" if n >= 3 else "too few to correlate"
        return f"{plural(n, 'model')} with both numbers: {why}."
    text = f"Pearson’s r = {r_text(found.value)} over {plural(found.n, 'model')}"
    text += f" ({interval_words(found)}{p_text(found.p)})."
    ranks = content.correlation(task, brain, kind="spearman")
    if ranks is not None and ranks.known:
        text += f" Spearman’s ρ = {r_text(ranks.value)}."
    return text


def interval_words(found: Correlation) -> str:
    """Return the interval of a correlation, to stand before its p."""
    if not found.has_interval:
        return "too few models for an interval; "
    return f"95 % interval from {r_text(found.low)} to {r_text(found.high)}; "
