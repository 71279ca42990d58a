"""Scores of trained probes: of all tested clips and of each fold, with intervals over clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from heschl import probes, stats
from heschl.study.probe_rounds import Fitted
from heschl.study.rows import Row, row
from heschl.study.uncertainty import Uncertainty
from heschl.tasks import Task

FloatArray = NDArray[np.float64]


def score_rounds(
    fitted: Fitted, task: Task, layers: Sequence[str], uncertainty: Uncertainty
) -> list[Row]:
    """Return a row for each score of the whole task, and of each fold where there are several.

    The score of a task in folds is the mean over the folds; clips are resampled within each.
    """
    rounds = task.rounds()
    shares = np.mean([one.layer_weights for one in fitted.rounds], axis=0)
    rows: list[Row] = []
    for unit in task.units:
        values, samples = [], []
        for i, (one, found) in enumerate(zip(rounds, fitted.rounds, strict=True)):
            labels = task.splits[one.test].labels
            values.append(float(_finite(probes.score(unit, found.outputs, labels))))
            samples.append(_samples(unit, found.outputs, labels, uncertainty, i))
        n_clips = [len(found.outputs) for found in fitted.rounds]
        layer = layers[int(shares.argmax())]
        rows.append(_row("dataset", "all", unit, values, samples, n_clips, layer, uncertainty))
        if len(rounds) > 1:
            rows += _fold_rows(fitted, task, layers, unit, values, samples, uncertainty)
    return sorted(rows, key=lambda one: one["scope"] != "dataset")


def _fold_rows(
    fitted: Fitted,
    task: Task,
    layers: Sequence[str],
    unit: str,
    values: Sequence[float],
    samples: Sequence[FloatArray | None],
    uncertainty: Uncertainty,
) -> Iterator[Row]:
    for one, found, value, drawn in zip(task.rounds(), fitted.rounds, values, samples, strict=True):
        layer = layers[int(found.layer_weights.argmax())]
        n = [len(found.outputs)]
        yield _row("fold", one.test, unit, [value], [drawn], n, layer, uncertainty)


def _row(
    scope: str,
    target: str,
    unit: str,
    values: Sequence[float],
    samples: Sequence[FloatArray | None],
    n_clips: Sequence[int],
    layer: str,
    uncertainty: Uncertainty,
) -> Row:
    value = float(np.mean(values))
    drawn = [one for one in samples if one is not None]
    low = high = float("nan")
    if len(drawn) == len(samples) and np.isfinite(value):
        found = stats.interval(
            np.mean(drawn, axis=0), value, sum(n_clips), kind="sounds", level=uncertainty.level
        )
        low, high = float(found.low), float(found.high)
    return row(scope, target, value, unit, layer=layer, low=low, high=high, n_sounds=sum(n_clips))


def _samples(
    unit: str,
    outputs: NDArray[np.float32],
    labels: NDArray[np.bool_],
    uncertainty: Uncertainty,
    index: int,
) -> FloatArray | None:
    """Score resamples of one test split, (n_bootstrap,); None if there are to be none."""
    n_clips = len(labels)
    if not uncertainty.n_bootstrap or stats.why_not(n_clips, "sounds"):
        return None
    # other numbers for each fold, the same for every model
    seed = int(np.random.SeedSequence((uncertainty.seed, index)).generate_state(1)[0])
    counts = stats.resamples(n_clips, uncertainty.n_bootstrap, seed)
    return _finite(probes.score(unit, outputs, labels, counts))


def _finite(values: FloatArray) -> FloatArray:
    """Leave out what is infinite: d' where a class is told without error."""
    return np.where(np.isfinite(values), values, np.nan)
