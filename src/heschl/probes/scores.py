"""How well logits tell classes: accuracy, mean average precision, AUC and d', as scikit-learn does.

Each score is computed for many resamples of the clips at once: a resample says how often each clip
counts. Every class is sorted only once, whatever the number of resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from heschl.checks import checked_counts
from heschl.errors import InputError, UsageError

FloatArray = NDArray[np.float64]
Counts = NDArray[np.integer]

#: Resamples times clips that are worked on at a time.
BLOCK = 4_000_000


def accuracy(
    outputs: NDArray[np.floating], labels: NDArray[np.bool_], counts: Counts
) -> FloatArray:
    """Share of clips whose largest logit is that of a right class (the first of equals)."""
    hit = labels[np.arange(len(labels)), outputs.argmax(axis=1)]
    weights = np.asarray(counts, np.float64)
    total = weights.sum(axis=1)
    return np.divide(weights @ hit, total, out=np.full(total.shape, np.nan), where=total > 0)


def mean_average_precision(
    outputs: NDArray[np.floating], labels: NDArray[np.bool_], counts: Counts
) -> FloatArray:
    """Average precision of each class, clips with equal logits together; mean over classes."""
    return _over_classes(_average_precision, outputs, labels, counts)


def auc(outputs: NDArray[np.floating], labels: NDArray[np.bool_], counts: Counts) -> FloatArray:
    """Area under the ROC curve of each class; mean over classes."""
    return _over_classes(_auc, outputs, labels, counts)


def d_prime(outputs: NDArray[np.floating], labels: NDArray[np.bool_], counts: Counts) -> FloatArray:
    """Sqrt(2) times the normal quantile of each class's AUC; mean over classes.

    Infinite where a class is told without error.
    """
    return _over_classes(
        lambda *sides: np.sqrt(2) * scipy.stats.norm.ppf(_auc(*sides)), outputs, labels, counts
    )


#: Scores by their unit; each takes outputs, labels and counts.
SCORES: Mapping[str, Callable[..., FloatArray]] = MappingProxyType(
    {"accuracy": accuracy, "mAP": mean_average_precision, "auc": auc, "d_prime": d_prime}
)


def score(
    unit: str,
    outputs: NDArray[np.floating],
    labels: NDArray[np.bool_],
    counts: Counts | None = None,
) -> FloatArray:
    """Score logits, on the clips as they are or on resamples of them.

    Parameters
    ----------
    unit : {"accuracy", "mAP", "auc", "d_prime"}
    outputs : ndarray, shape (n_clips, n_classes)
        Logits, or anything that orders the clips.
    labels : ndarray of bool, shape (n_clips, n_classes)
        Or of the numbers 0 and 1.
    counts : ndarray of int, shape (n_samples, n_clips), optional
        How often each clip counts; by default once.

    Returns
    -------
    ndarray, shape (n_samples,) or ()
        A class that no clip of a resample has, or every clip, is left out of its mean; nan if all
        are, or if a resample is empty.

    Raises
    ------
    UsageError
        If there is no such score.
    InputError
        If shapes disagree, outputs are not finite, or labels are something else.

    Examples
    --------
    >>> outputs = np.array([[2.0, 0.1], [0.3, 0.2], [0.0, 1.0]])
    >>> labels = np.array([[True, False], [False, True], [False, True]])
    >>> print(f"{score('accuracy', outputs, labels):.3f}")
    0.667
    """
    if unit not in SCORES:
        raise UsageError(f"the score is {unit!r}; expected one of {', '.join(SCORES)}")
    outputs, labels = _as_floats(outputs), _as_bools(labels)
    if outputs.ndim != 2 or outputs.shape != labels.shape or not outputs.size:
        raise InputError(
            f"outputs of shape {outputs.shape} and labels of shape {labels.shape}; expected both "
            "(n_clips, n_classes)"
        )
    if not np.isfinite(outputs).all():
        raise InputError("outputs hold nan or infinity; expected finite logits")
    if counts is None:
        return SCORES[unit](outputs, labels, np.ones((1, len(labels)), np.int64))[0]
    return SCORES[unit](outputs, labels, checked_counts(counts, len(labels), "clips"))


def _as_floats(outputs: NDArray[Any]) -> NDArray[np.floating]:
    """Return outputs in a type that has a sign: clips are sorted by their negatives."""
    outputs = np.asarray(outputs)
    return outputs if np.issubdtype(outputs.dtype, np.floating) else outputs.astype(np.float64)


def _as_bools(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return labels; raise InputError for what is neither: nan, a class's number, would be True."""
    labels = np.asarray(labels)
    if labels.dtype == bool:
        return labels
    wrong = labels[~np.isin(labels, (0, 1))]
    if wrong.size:
        raise InputError(f"a label is {wrong[0]}; expected True or False, or 1 or 0")
    return labels.astype(bool)


def _over_classes(
    of_class: Callable[[FloatArray, FloatArray], FloatArray],
    outputs: NDArray[np.floating],
    labels: NDArray[np.bool_],
    counts: Counts,
) -> FloatArray:
    """Mean over classes of a function of how many clips, right and wrong, each threshold admits."""
    total, n_known = np.zeros(len(counts)), np.zeros(len(counts))
    for column in range(labels.shape[1]):
        order = np.argsort(-outputs[:, column], kind="stable")
        values, right = outputs[order, column], labels[order, column]
        ends = np.flatnonzero(np.append(values[1:] != values[:-1], True))
        for rows in _blocks(len(counts), len(order)):
            weights = np.asarray(counts[rows][:, order], np.float64)
            hits = np.cumsum(weights * right, axis=1)[:, ends]
            misses = np.cumsum(weights * ~right, axis=1)[:, ends]
            known = (hits[:, -1] > 0) & (misses[:, -1] > 0)
            with np.errstate(invalid="ignore", divide="ignore"):  # classes nobody has; infinite d'
                total[rows] += np.where(known, of_class(hits, misses), 0)
            n_known[rows] += known
    with np.errstate(invalid="ignore"):
        return total / n_known


def _blocks(n_samples: int, n_clips: int) -> Iterator[slice]:
    size = max(1, BLOCK // n_clips)
    for start in range(0, n_samples, size):
        yield slice(start, start + size)


def _average_precision(hits: FloatArray, misses: FloatArray) -> FloatArray:
    """Sum over thresholds of the step in recall times the precision: (n_samples,)."""
    precision = np.nan_to_num(hits / (hits + misses))
    steps = np.diff(hits, axis=1, prepend=0) / hits[:, -1:]
    return np.asarray((precision * steps).sum(axis=1))


def _auc(hits: FloatArray, misses: FloatArray) -> FloatArray:
    """Trapezoids under hits over misses, both as shares: (n_samples,)."""
    steps = np.diff(misses, axis=1, prepend=0)
    heights = hits - np.diff(hits, axis=1, prepend=0) / 2
    return np.asarray((steps * heights).sum(axis=1) / (hits[:, -1] * misses[:, -1]))
