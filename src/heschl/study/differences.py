"""Differences between models, on the same resamples of sounds and listeners."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl import rsa, stats
from heschl.errors import InputError
from heschl.results import Detail, RdmDetail, Results
from heschl.rsa.dissimilarity import count_sounds
from heschl.study.parts import EVERYONE
from heschl.study.uncertainty import Uncertainty

FloatArray = NDArray[np.float64]

#: The columns of a table of differences: ``difference`` is the score of ``first`` minus that of
#: ``second``; the rest as in a table of scores.
COLUMNS = (
    "dataset",
    "metric",
    "protocol",
    "scope",
    "target",
    "first",
    "second",
    "difference",
    "unit",
    "low",
    "high",
    "p",
    "q",
)
#: More targets than this without listeners are not compared one by one.
MANY = 24


def compare(
    results: Results, *, n_bootstrap: int = 1000, seed: int = 0, n_jobs: int | None = None
) -> pd.DataFrame:
    """Compare models by their scores, two at a time.

    The same sounds, and the same listeners, are drawn for both, so that what makes a resample easy
    or hard for both cancels. Regression of voxels: the mean over listeners of their medians; of
    components and electrodes: every target, sounds drawn. Representational similarity: the mean
    over listeners of rho; of a single listener, or where they are not known, sounds drawn.

    Parameters
    ----------
    results : Results
        Of several models, such as ``heschl.results.merge([...])``; protocol "tuckute2023" is not
        compared.
    n_bootstrap, seed : int, optional
    n_jobs : int, optional
        Threads; never changes the numbers.

    Returns
    -------
    DataFrame
        One row per pair of models and target, columns ``heschl.study.differences.COLUMNS``. q
        controls false discoveries among the rows of one dataset, metric and protocol.

    Raises
    ------
    InputError
        If no two models were scored on the same dataset by the same protocol, models were scored
        on different responses, or there are too few sounds or listeners.
    """
    uncertainty = Uncertainty(n_bootstrap, 0, seed)
    groups: dict[tuple[str, ...], list[Detail | RdmDetail]] = {}
    every: list[Detail | RdmDetail] = [*results.details, *results.rdms]
    for one in every:
        groups.setdefault((one.dataset, one.metric, one.protocol), []).append(one)
    several = [group for group in groups.values() if len(group) > 1]
    if not several:
        raise InputError(
            "the results hold no two models that can be compared; expected the merged results of "
            "several models on the same dataset by the same metric and protocol, other than "
            "'tuckute2023'"
        )
    tables = []
    for group in several:
        pairs = itertools.combinations(group, 2)
        rows = [row for pair in pairs for row in _rows(*pair, uncertainty, n_jobs)]
        tables.append(_with_q(rows))
    return pd.concat(tables, ignore_index=True)


def _with_q(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    table["q"] = stats.fdr(table["p"].to_numpy(np.float64))
    return table[list(COLUMNS)]


def _rows(
    first: Detail | RdmDetail,
    second: Detail | RdmDetail,
    uncertainty: Uncertainty,
    n_jobs: int | None,
) -> Iterator[dict[str, Any]]:
    names = {
        "dataset": first.dataset,
        "metric": first.metric,
        "protocol": first.protocol,
        "first": first.model,
        "second": second.model,
    }
    if isinstance(first, RdmDetail) and isinstance(second, RdmDetail):
        found = [("dataset", "all", _of_rdms(first, second, uncertainty, n_jobs))]
        names["unit"] = "rho"
    elif isinstance(first, Detail) and isinstance(second, Detail):
        found = list(_of_predictions(first, second, uncertainty, n_jobs))
        names["unit"] = "r2"
    for scope, target, one in found:
        yield names | {"scope": scope, "target": target} | _numbers(one)


def _of_rdms(
    first: RdmDetail, second: RdmDetail, uncertainty: Uncertainty, n_jobs: int | None
) -> stats.PairedDifference:
    whole = first.groups["region"].isna().to_numpy()
    brain = first.brain[whole]
    _check_same(first, second, brain, second.brain[second.groups["region"].isna().to_numpy()])
    known = ~np.isnan(brain).any(axis=1)
    n_sounds = count_sounds(brain.shape[1])
    counts = _counts(uncertainty, n_sounds)
    values, samples = [], []
    ones = np.ones((1, n_sounds), np.int64)
    for one in (first, second):
        compared = one.compared[whole][known]
        values.append(rsa.bootstrap(compared, brain[known], ones)[0])
        samples.append(rsa.bootstrap(compared, brain[known], counts, n_jobs=n_jobs))
    return _of_means(first.dataset, values, samples, uncertainty, n_sounds)


def _of_predictions(
    first: Detail, second: Detail, uncertainty: Uncertainty, n_jobs: int | None
) -> Iterator[tuple[str, str, stats.PairedDifference]]:
    _check_same(first, second, first.measured, second.measured)
    n_sounds = len(first.measured)
    counts = _counts(uncertainty, n_sounds)
    if "listener" in first.targets.columns:
        listeners = first.targets["listener"].fillna(EVERYONE).astype(str).to_numpy(str)
        values, samples = [], []
        for one in (first, second):
            medians = stats.over_listeners(one.r2, listeners).values
            known = ~np.isnan(medians)
            drawn = stats.bootstrap_listeners(
                one.predicted, one.measured, listeners, counts, n_jobs=n_jobs
            )
            values.append(medians[known])
            samples.append(drawn[:, known])
        yield "dataset", "all", _of_means(first.dataset, values, samples, uncertainty, n_sounds)
        return
    if len(first.targets) > MANY:
        raise InputError(
            f"{first.dataset}: {len(first.targets)} targets of unknown listeners; expected "
            f"listeners, or at most {MANY} targets to be compared one by one"
        )
    a, b = (
        stats.bootstrap_r2(one.predicted, one.measured, counts, n_jobs=n_jobs).r2
        for one in (first, second)
    )
    for i in np.flatnonzero(~np.isnan(first.r2) & ~np.isnan(second.r2)):
        found = stats.paired_difference(
            a[:, i], b[:, i], first.r2[i], second.r2[i], n_sounds, kind="sounds"
        )
        yield "target", str(first.targets["target"].iloc[i]), found


def _check_same(
    first: Detail | RdmDetail, second: Detail | RdmDetail, mine: FloatArray, other: FloatArray
) -> None:
    if not np.array_equal(mine, other, equal_nan=True):
        raise InputError(
            f"{first.model} and {second.model} were scored on different responses of "
            f"{first.dataset}; expected the same sounds and targets in the same order"
        )


def _counts(uncertainty: Uncertainty, n_sounds: int) -> NDArray[np.int64]:
    counts = uncertainty.sounds(n_sounds)
    if counts is None:
        reason = stats.why_not(n_sounds, "sounds")
        raise InputError(reason or "n_bootstrap is 0; expected at least 100 to compare models")
    return counts


def _of_means(
    dataset: str,
    values: list[FloatArray],
    samples: list[FloatArray],
    uncertainty: Uncertainty,
    n_sounds: int,
) -> stats.PairedDifference:
    """Difference of means over listeners: sounds and listeners drawn; of one listener, sounds.

    ``values`` are (n_listeners,) and ``samples`` (n_bootstrap, n_listeners), of both models.
    """
    n_listeners = len(values[0])
    means = [float(one.mean()) for one in values]
    if n_listeners == 1:
        a, b = (one[:, 0] for one in samples)
        return stats.paired_difference(a, b, means[0], means[1], n_sounds, kind="sounds")
    reason = stats.why_not(n_listeners, "listeners")
    if reason is not None:
        raise InputError(f"{dataset}: {reason}")
    who = stats.resamples(n_listeners, uncertainty.n_bootstrap, uncertainty.seed + 1)
    a, b = (stats.bootstrap_mean(one, who) for one in samples)
    return stats.paired_difference(a, b, means[0], means[1], n_listeners)


def _numbers(found: stats.PairedDifference) -> dict[str, float]:
    return {
        "difference": float(found.estimate),
        "low": float(found.interval.low),
        "high": float(found.interval.high),
        "p": float(found.p),
    }
