"""What the page says in words about hearing tasks: answers, and what figures show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from heschl.report.style import shown
from heschl.report.task_numbers import class_precisions, confusion_counts
from heschl.report.task_selection import UNITS, TaskGroup, TaskScore, level, task_groups
from heschl.report.wording import Answer, number, percent, plural
from heschl.results import ProbeDetail, Results

#: Models that are named after the best one, and clips that are named among those left out.
MAX_OTHERS, MAX_LEFT_OUT = 6, 3

#: For each unit: what the number is, and the sentence around it.
_SENTENCES = {
    "accuracy": ("accuracy", "names the right class of {task} for", "of the clips"),
    "mAP": (
        "mean average precision",
        "finds the classes of {task} with a mean average precision of",
        "",
    ),
    "d_prime": ("d′", "tells the classes of {task} from each other with a d′ of", ""),
    "auc": (
        "area under the ROC curve",
        "ranks the clips of {task} with an area under the ROC curve of",
        "",
    ),
}


def task_answers(results: Results) -> tuple[Answer, ...]:
    """Return one answer for each task and protocol: the best model first, then the others."""
    return tuple(_answer(results, group) for group in task_groups(results))


def _answer(results: Results, group: TaskGroup) -> Answer:
    best = group.ranked[0]
    write = writer(group.unit)
    kind, verb, rest = _SENTENCES.get(group.unit, (group.unit, f"reaches a {group.unit} of", ""))
    if len(group.scores) > 1:
        kind += f", the highest of {plural(len(group.scores), 'model')}"
    if group.known:
        before = f"{best.model} {verb.format(task=group.task) if '{' in verb else verb}"
        after = f"{rest} {_doubt(results, best, write)}".strip()
        after = f"{after}." if after else ""
    else:
        before, after = f"No model has a score on {group.task}.", ""
    return Answer(
        best.model,
        group.task,
        write(best.value),
        kind,
        before,
        after,
        (*_others(results, group, write), *left_out_notes(group)),
        tuple(_facts(group, best)),
    )


def writer(unit: str) -> Callable[[float], str]:
    """Return how numbers of a unit are written: accuracies in percent."""
    return percent if unit == "accuracy" else number


def _doubt(results: Results, score: TaskScore, write: Callable[[float], str]) -> str:
    """Return interval and chance in brackets, as far as they are known."""
    parts = []
    if np.isfinite([score.low, score.high]).all():
        parts.append(f"{level(results, score.provenance)} interval: {_ends(score, write)}")
    if np.isfinite(score.chance):
        parts.append(f"chance: {write(score.chance)}")
    return f"({'; '.join(parts)})" if parts else ""


def _ends(score: TaskScore, write: Callable[[float], str]) -> str:
    low = write(score.low).removesuffix("\N{NO-BREAK SPACE}%")
    return f"{low} to {write(score.high)}"


def _others(results: Results, group: TaskGroup, write: Callable[[float], str]) -> Iterator[str]:
    others = group.ranked[1:] if group.known else ()
    for score in others[:MAX_OTHERS]:
        if not np.isfinite(score.value):
            yield f"{score.model} has no score."
        elif np.isfinite([score.low, score.high]).all():
            yield f"{score.model}: {write(score.value)} ({_ends(score, write)})."
        else:
            yield f"{score.model}: {write(score.value)}."
    rest = len(others) - MAX_OTHERS
    if rest > 0:
        yield f"{plural(rest, 'more model')} in the table of scores."


def left_out_notes(group: TaskGroup) -> list[str]:
    """Say which clips could not be used; once where that is the same for all models."""
    found: dict[tuple[str, ...], list[str]] = {}
    for score in group.scores:
        if score.detail is not None:
            found.setdefault(score.detail.left_out, []).append(score.model)
    notes = []
    for clips, models in found.items():
        if not clips:
            continue
        names = "; ".join(shown(clip, 90) for clip in clips[:MAX_LEFT_OUT])
        more = f"; and {len(clips) - MAX_LEFT_OUT:,} more" if len(clips) > MAX_LEFT_OUT else ""
        of_whom = "" if len(found) == 1 else f" for {', '.join(models)}"
        verb = "was" if len(clips) == 1 else "were"
        notes.append(f"{plural(len(clips), 'clip')} {verb} left out{of_whom}: {names}{more}.")
    return notes


def _facts(group: TaskGroup, best: TaskScore) -> Iterator[tuple[str, str]]:
    yield "Clips tested", f"{best.n_clips:,}"
    if best.detail is not None:
        yield "Classes", f"{len(best.detail.classes):,}"
    if best.folds.size:
        yield "Folds", str(best.folds.size)
    yield "Protocol", group.protocol


def describe_tasks(results: Results) -> str:
    """Describe the figure of tasks for those who cannot see it."""
    parts = ["Bars of the score of each model on each hearing task."]
    for group in task_groups(results):
        if not group.known:
            continue
        write = writer(group.unit)
        scores = [
            f"{score.model} {write(score.value)} {_doubt(results, score, write)}".strip()
            for score in group.scores
        ]
        unit = UNITS.get(group.unit, group.unit)
        parts.append(f"{group.task}, {group.protocol}, {unit}: {', '.join(scores)}.")
    return " ".join(parts)


def describe_confusion(detail: ProbeDetail) -> str:
    """Describe the figure of classes for those who cannot see it."""
    title = f"{detail.model} on {detail.dataset}"
    if detail.prediction == "multiclass":
        counts = confusion_counts(detail)
        right = f"{counts.trace():,} of {counts.sum():,} clips are named correctly"
        return f"Confusion matrix of {title}: {right}. {most_confused(detail)}".strip()
    precisions = class_precisions(detail)
    known = np.flatnonzero(np.isfinite(precisions))
    order = known[np.argsort(-precisions[known], kind="stable")]

    def listed(classes: Sequence[int]) -> str:
        names = [shown(detail.classes[i], 40) for i in classes]
        return ", ".join(
            f"{n} {number(precisions[i])}" for n, i in zip(names, classes, strict=True)
        )

    return (
        f"Bars of the average precision of each class of {title}. "
        f"Best: {listed(order[:5].tolist())}. Worst: {listed(order[::-1][:5].tolist())}."
    )


def most_confused(detail: ProbeDetail, limit: int = 3) -> str:
    """Name the pairs of classes that are confused most often; "" if none is."""
    counts = confusion_counts(detail)
    totals = counts.sum(axis=1)
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    pairs = [divmod(int(place), len(counts)) for place in order if wrong.flat[place]]
    names = [shown(name, 40) for name in detail.classes]
    told = [f"{names[i]} named as {names[j]} ({wrong[i, j]} of {totals[i]})" for i, j in pairs]
    return f"Most often confused: {'; '.join(told)}." if told else ""
