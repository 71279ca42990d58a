"""Differences between models, on the same resamples of sounds and listeners."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl import stats
from heschl.errors import InputError
from heschl.results import Detail, Results
from heschl.study.parts import EVERYONE
from heschl.study.uncertainty import Uncertainty

FloatArray = NDArray[np.float64]

#: The columns of a table of differences: ``difference`` is the score of ``first`` minus that of
#: ``second``; the rest as in a table of scores.
COLUMNS = (
    "dataset",
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
    """Compare models by their regression scores, two at a time.

    The same sounds, and for voxels the same listeners, are drawn for both, so that what makes a
    resample easy or hard for both cancels. Voxels: the mean over listeners of their medians.
    Components and electrodes: every target, sounds drawn.

    Parameters
    ----------
    results : Results
        Of several models, such as ``heschl.results.merge([...])``, metric "regression", protocol
        "pepino2025".
    n_bootstrap, seed : int, optional
    n_jobs : int, optional
        Threads; never changes the numbers.

    Returns
    -------
    DataFrame
        One row per pair of models and target, columns `COLUMNS`. q controls false discoveries among
        the rows of one dataset and protocol.

    Raises
    ------
    InputError
        If no two models were scored on the same dataset by the same protocol, models were scored
        on different responses, or there are too few sounds or listeners.
    """
    uncertainty = Uncertainty(n_bootstrap, 0, seed)
    groups: dict[tuple[str, str], list[Detail]] = {}
    for detail in results.details:
        groups.setdefault((detail.dataset, detail.protocol), []).append(detail)
    pairs = [list(itertools.combinations(group, 2)) for group in groups.values() if len(group) > 1]
    if not pairs:
        raise InputError(
            "the results hold no two models with predictions on the same dataset by the same "
            "protocol; expected the merged results of several models, metric 'regression', "
            "protocol 'pepino2025'"
        )
    tables = [
        _with_q([r for pair in group for r in _rows(*pair, uncertainty, n_jobs)]) for group in pairs
    ]
    return pd.concat(tables, ignore_index=True)


def _with_q(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    table["q"] = stats.fdr(table["p"].to_numpy(np.float64))
    return table[list(COLUMNS)]


def _rows(
    first: Detail, second: Detail, uncertainty: Uncertainty, n_jobs: int | None
) -> Iterator[dict[str, Any]]:
    if not np.array_equal(first.measured, second.measured, equal_nan=True):
        raise InputError(
            f"{first.model} and {second.model} were scored on different responses of "
            f"{first.dataset}; expected the same sounds and targets in the same order"
        )
    n_sounds = len(first.measured)
    counts = uncertainty.sounds(n_sounds)
    if counts is None:
        reason = stats.why_not(n_sounds, "sounds")
        raise InputError(reason or "n_bootstrap is 0; expected at least 100 to compare models")
    names = {
        "dataset": first.dataset,
        "protocol": first.protocol,
        "first": first.model,
        "second": second.model,
        "unit": "r2",
    }
    if "listener" in first.targets.columns:
        listeners = first.targets["listener"].fillna(EVERYONE).astype(str).to_numpy(str)
        found = _over_listeners(first, second, listeners, counts, uncertainty, n_jobs)
        yield names | {"scope": "dataset", "target": "all"} | _numbers(found)
        return
    if len(first.targets) > MANY:
        raise InputError(
            f"{first.dataset}: {len(first.targets)} targets of unknown listeners; expected "
            f"listeners, or at most {MANY} targets to be compared one by one"
        )
    samples = [
        stats.bootstrap_r2(one.predicted, one.measured, counts, n_jobs=n_jobs).r2
        for one in (first, second)
    ]
    for i, target in enumerate(first.targets["target"]):
        if np.isnan(first.r2[i]) or np.isnan(second.r2[i]):
            continue
        found = stats.paired_difference(
            samples[0][:, i], samples[1][:, i], first.r2[i], second.r2[i], n_sounds, kind="sounds"
        )
        yield names | {"scope": "target", "target": target} | _numbers(found)


def _over_listeners(
    first: Detail,
    second: Detail,
    listeners: NDArray[np.str_],
    counts: NDArray[np.int64],
    uncertainty: Uncertainty,
    n_jobs: int | None,
) -> stats.PairedDifference:
    """Difference of the means over listeners, sounds and listeners drawn together."""
    means, samples = [], []
    for one in (first, second):
        medians = stats.over_listeners(one.r2, listeners).values
        known = ~np.isnan(medians)
        n_listeners = int(known.sum())
        reason = stats.why_not(n_listeners, "listeners")
        if reason is not None:
            raise InputError(f"{one.dataset}: {reason}")
        drawn = stats.bootstrap_listeners(
            one.predicted, one.measured, listeners, counts, n_jobs=n_jobs
        )
        who = stats.resamples(n_listeners, uncertainty.n_bootstrap, uncertainty.seed + 1)
        samples.append(stats.bootstrap_mean(drawn[:, known], who))
        means.append(float(medians[known].mean()))
    return stats.paired_difference(samples[0], samples[1], means[0], means[1], n_listeners)


def _numbers(found: stats.PairedDifference) -> dict[str, float]:
    return {
        "difference": float(found.estimate),
        "low": float(found.interval.low),
        "high": float(found.interval.high),
        "p": float(found.p),
    }
