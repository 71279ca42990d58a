"""The figures of the scores on hearing tasks, and of the layers that tasks use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from heschl.report.drawings import Sketch
from heschl.report.layer_weights import plot_layer_weights
from heschl.report.task_bars import plot_tasks
from heschl.report.task_selection import TaskGroup, level, task_groups
from heschl.report.task_wording import describe_tasks
from heschl.report.wording import number
from heschl.results import ProbeDetail, Results


def bar_sketches(results: Results) -> Iterator[Sketch]:
    """Yield the figure of the scores on tasks, if there is one."""
    groups = [group for group in task_groups(results) if group.known]
    if not groups:
        return
    scores = [score for group in groups for score in group.scores]
    levels = sorted({level(results, one.provenance) for one in scores if np.isfinite(one.low)})
    text = "The official score of each task, at the right."
    if levels:
        text += f" Line: {', '.join(levels)} interval over the tested clips."
    if any(score.folds.size for score in scores):
        text += " Dots: each fold; the score is their mean."
    text += _chance_in_words(groups)
    plot = partial(plot_tasks, results)
    yield Sketch("Scores", text, describe_tasks(results), "tasks", plot)


def _chance_in_words(groups: Sequence[TaskGroup]) -> str:
    """Say what chance is for the units that are drawn."""
    units = {g.unit for g in groups if any(np.isfinite(score.chance) for score in g.scores)}
    words = {
        "accuracy": "the most frequent class every time (accuracy)",
        "mAP": "the mean share of clips of a class (mAP)",
        "d_prime": "0 (d′)",
        "auc": "0.5 (AUC)",
    }
    told = [text for unit, text in words.items() if unit in units]
    return f" Dotted: chance, {', '.join(told)}." if told else ""


def weight_sketches(results: Results) -> Iterator[Sketch]:
    """Yield the shares of layers of each protocol that mixes them."""
    groups = [group for group in task_groups(results) if group.known]
    details = [one for group in groups for one in details_of(group) if mixes(one)]
    for i, protocol in enumerate(dict.fromkeys(one.protocol for one in details)):
        mine = [one for one in details if one.protocol == protocol]
        largest = [
            f"{one.model} on {one.dataset}: {one.layers[int(shares.argmax())]} with "
            f"{number(float(shares.max()))}"
            for one in mine
            for shares in [one.layer_weights.mean(axis=0)]
        ]
        label = f"Lines of the share of each layer in the mixture. Largest: {'; '.join(largest)}."
        plot = partial(plot_layer_weights, mine)
        text = (
            "What the probes learned to listen to: the share of each layer in the mixture that "
            "they get."
        )
        if any(len(one.layer_weights) > 1 for one in mine):
            text += " Lines: means over folds, bands: from the smallest to the largest."
        title = f"Layers that the tasks use, {protocol}"
        yield Sketch(title, text, label, f"weights-{i}", plot)


def mixes(detail: ProbeDetail) -> bool:
    """Whether a probe mixes layers, and does not take one by itself."""
    shares = detail.layer_weights
    return shares.size > 0 and shares.shape[1] > 1 and bool((shares.max(axis=1) < 1).any())


def details_of(group: TaskGroup) -> list[ProbeDetail]:
    """Return what stands behind the scores of a group, as far as it is there."""
    return [score.detail for score in group.scores if score.detail is not None]
