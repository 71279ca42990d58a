"""The figures of hearing tasks on the page: scores, layers, classes and training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from heschl.report import selection
from heschl.report.class_bars import ENDS
from heschl.report.confusion import NAMED, has_classes, plot_confusion
from heschl.report.drawings import Drawing, both_widths, draw
from heschl.report.task_numbers import class_precisions
from heschl.report.task_selection import UNITS, TaskGroup, TaskScore, task_groups
from heschl.report.task_sketches import bar_sketches, weight_sketches
from heschl.report.task_wording import describe_confusion, most_confused
from heschl.report.training_curves import chosen, plot_training, told, trained_in_epochs
from heschl.report.wording import number, plural
from heschl.results import ProbeDetail, Results

#: Models whose classes and training are drawn for one task: those of the highest scores.
MAX_MODELS = 4
#: Up to this many figures of classes stand open on the page.
MAX_OPEN = 4


@dataclass(frozen=True)
class Part:
    """Figures under one heading, which the reader can fold.

    Attributes
    ----------
    title, note : str
    drawings : tuple of Drawing
    is_open : bool
        Whether they are shown at first.
    """

    title: str
    note: str
    drawings: tuple[Drawing, ...]
    is_open: bool


@dataclass(frozen=True)
class Hearing:
    """The section of hearing tasks.

    Attributes
    ----------
    drawings : tuple of Drawing
        Scores, and shares of layers.
    parts : tuple of Part
        Classes and training of each task.
    """

    drawings: tuple[Drawing, ...]
    parts: tuple[Part, ...]


def hearing(results: Results) -> Hearing | None:
    """Return the section of hearing tasks; None without scores of tasks."""
    if not selection.tests_hearing(results):
        return None
    groups = [group for group in task_groups(results) if group.known]
    drawings = tuple(draw(one) for one in (*bar_sketches(results), *weight_sketches(results)))
    return Hearing(drawings, tuple(_parts(groups)))


def _parts(groups: Sequence[TaskGroup]) -> Iterator[Part]:
    """Yield the parts: the classes of each task, then the training of all."""
    shown = [[score for score in group.ranked if _drawable(score)] for group in groups]
    n_figures = sum(len(scores[:MAX_MODELS]) for scores in shown)
    training: list[Drawing] = []
    for i, (group, scores) in enumerate(zip(groups, shown, strict=True)):
        details = [score.detail for score in scores[:MAX_MODELS] if score.detail is not None]
        if not details:
            continue
        multiclass = details[0].prediction == "multiclass"
        what = "which classes are confused" if multiclass else "which classes are found"
        drawings = tuple(_classes(one, f"classes-{i}-{j}") for j, one in enumerate(details))
        note = _which(len(details), len(scores))
        title = f"{group.task}, {group.protocol}: {what}"
        yield Part(title, note, drawings, n_figures <= MAX_OPEN)
        training += [
            _training(one, f"training-{i}-{j}")
            for j, one in enumerate(details)
            if trained_in_epochs(one)
        ]
    if training:
        yield Part("How the probes were trained", "", tuple(training), False)


def _drawable(score: TaskScore) -> bool:
    return score.detail is not None and has_classes(score.detail)


def _which(n_shown: int, n_all: int) -> str:
    """Say which models are drawn, if not all are."""
    if n_shown == n_all:
        return ""
    return (
        f"The {n_shown} best of {n_all} models; heschl.report.confusion.plot_confusion draws any."
    )


def _classes(detail: ProbeDetail, prefix: str) -> Drawing:
    plot = partial(plot_confusion, detail)
    wide, narrow = both_widths(plot, prefix, describe_confusion(detail))
    if detail.prediction == "multiclass":
        text = (
            "Rows: the class of the clip; columns: the class that the probe named. Shade: share "
            "of the clips of the class (its square root, so that rare confusions are seen)"
        )
        text += "; at the right, the share named correctly. " if _named(detail) else ". "
        text += most_confused(detail)
    else:
        text = _precisions_in_words(class_precisions(detail))
    return Drawing(f"{detail.model} on {detail.dataset}, {detail.protocol}", text, wide, narrow)


def _precisions_in_words(precisions: NDArray[np.float64]) -> str:
    missing = int(np.isnan(precisions).sum())
    which = "each class"
    if len(precisions) - missing > 2 * ENDS:
        which = f"the {ENDS} classes that are found best, and of the {ENDS} worst"
    text = f"Average precision of {which}."
    if missing:
        noun = "class is" if missing == 1 else "classes are"
        text += f" {missing:,} {noun} left out, which no tested clip has, or every one."
    return text


def _named(detail: ProbeDetail) -> bool:
    return len(detail.classes) <= NAMED


def _training(detail: ProbeDetail, prefix: str) -> Drawing:
    unit = UNITS.get(detail.units[0], detail.units[0])
    first = detail.rounds.iloc[0]
    settings = told(detail, chosen(detail))
    epochs = [f"{epoch:.0f}" for epoch in detail.rounds["epoch"].dropna()]
    n = len(detail.configurations)
    text = (
        f"{unit[0].upper()}{unit[1:]} on {first['valid']} after each epoch, for "
        f"{plural(n, 'configuration')}; each was stopped when it got no better. Thick: the chosen "
        f"one ({settings})."
    )
    if len(epochs) == 1:
        text += f" Epoch {epochs[0]} was kept."
    elif epochs:
        text += (
            f" It was trained again for every other fold; the epochs kept are {', '.join(epochs)}."
        )
    label = (
        f"Lines of the {unit} on the validation split over the epochs, for {detail.model} on "
        f"{detail.dataset}. Chosen: {settings}, with {number(float(first['valid_score']))}."
    )
    wide, narrow = both_widths(partial(plot_training, detail), prefix, label)
    return Drawing(f"{detail.model} on {detail.dataset}, {detail.protocol}", text, wide, narrow)
