"""Numbers of hearing tasks that figures need beside the scores: from labels and outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.probes import score
from heschl.results import ProbeDetail

FloatArray = NDArray[np.float64]


def confusion_counts(detail: ProbeDetail) -> NDArray[np.int64]:
    """Count how often clips of each class were given each class.

    Returns
    -------
    ndarray, shape (n_classes, n_classes)
        Rows: the class of the clip; columns: the class that the probe named, which is that of the
        largest output, the first of equals.

    Raises
    ------
    InputError
        If clips have several classes.
    """
    if detail.prediction != "multiclass":
        raise InputError(
            f"{detail.model} on {detail.dataset}: the task is {detail.prediction}; expected "
            "multiclass, where each clip has one class that can be confused with another"
        )
    n_classes = detail.labels.shape[1]
    counts = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(counts, (detail.labels.argmax(axis=1), detail.outputs.argmax(axis=1)), 1)
    return counts


def class_precisions(detail: ProbeDetail) -> FloatArray:
    """Average precision of each class; of a task in folds, the mean over the tested splits.

    Returns
    -------
    ndarray, shape (n_classes,)
        nan for classes that no tested clip has, or every one: they are left out of the score, too.
    """
    splits = detail.clips["split"].to_numpy(object)
    n_classes = detail.labels.shape[1]
    found = np.full((len(dict.fromkeys(splits)), n_classes), np.nan)
    for row, split in enumerate(dict.fromkeys(splits)):
        outputs, labels = detail.outputs[splits == split], detail.labels[splits == split]
        for i in range(n_classes):
            found[row, i] = score("mAP", outputs[:, [i]], labels[:, [i]])
    known = np.isfinite(found)
    sums = np.where(known, found, 0.0).sum(axis=0)
    return np.divide(sums, known.sum(axis=0), out=np.full(n_classes, np.nan), where=known.any(0))


def prevalence(detail: ProbeDetail) -> FloatArray:
    """Share of the tested clips that have each class, (n_classes,)."""
    return np.asarray(detail.labels.mean(axis=0), np.float64)


def chance(detail: ProbeDetail, unit: str) -> float:
    """Return what a probe reaches that hears nothing; nan where that is not known.

    Accuracy: that of naming the most frequent class every time, which is 1 / n_classes where the
    classes are balanced. Mean average precision: the mean prevalence of the classes that some
    tested clips have and others have not. Area under the curve: 0.5; d': 0.
    """
    shares = prevalence(detail)
    tested = shares[(shares > 0) & (shares < 1)]
    if unit == "accuracy" and detail.prediction == "multiclass":
        return float(shares.max(initial=0.0))
    if unit == "mAP":
        return float(tested.mean()) if tested.size else float("nan")
    return {"auc": 0.5, "d_prime": 0.0}.get(unit, float("nan"))
