"""Scores of nested ridge regression: every target, every listener and region, the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl import encode, stats
from heschl.brain import BrainDataset
from heschl.results import Detail, Profile, RdmDetail
from heschl.study.parts import Part, parts
from heschl.study.rows import Row, most_frequent, row
from heschl.study.uncertainty import Uncertainty

FloatArray = NDArray[np.float64]
Features = Mapping[str, NDArray[np.floating]]

#: Targets whose resamples are held at a time.
BLOCK = 2048


@dataclass(frozen=True)
class Scored:
    """What an analysis gives: rows of the table, and what stands behind them."""

    rows: list[Row]
    detail: Detail | None = None
    profile: Profile | None = None
    rdms: RdmDetail | None = None


@dataclass(frozen=True)
class _Numbers:
    """Everything the rows are made from; arrays of targets are (n_targets,)."""

    fitted: encode.NestedRidge
    measured: FloatArray = field(repr=False)
    ceiling: FloatArray = field(repr=False)
    counts: NDArray[np.int64] | None = field(repr=False)
    null: FloatArray | None = field(repr=False)


def score_regression(
    features: Features,
    data: BrainDataset,
    protocol: encode.NestedRidgeProtocol,
    uncertainty: Uncertainty,
    names: Mapping[str, Any],
    *,
    layer_profiles: bool,
    n_jobs: int,
    show_progress: bool,
) -> Scored:
    """Predict all targets and score them."""
    measured = data.mean_responses()
    options: dict[str, Any] = {
        "protocol": protocol,
        "n_jobs": n_jobs,
        "show_progress": show_progress,
    }
    fitted = encode.nested_ridge(features, measured, data.folds, **options)
    ceiling = ceilings(data)
    null = None
    if uncertainty.n_permutations:
        null = encode.permutation_null(
            features,
            measured,
            data.folds,
            n_permutations=uncertainty.n_permutations,
            seed=uncertainty.seed + 2,
            **options,
        )
    numbers = _Numbers(fitted, measured, ceiling, uncertainty.sounds(len(measured)), null)
    rows = list(_rows(data, numbers, uncertainty, n_jobs))
    profile = None
    if layer_profiles:
        r2 = encode.layer_profiles(features, measured, data.folds, **options)
        profile = Profile(
            **names,
            unit="r2",
            groups=data.targets,
            layers=fitted.layers,
            scores=r2.T,
            ceiling=ceiling,
        )
    detail = Detail(
        **names,
        targets=data.targets,
        sounds=pd.DataFrame(
            {"sound": data.sounds.names, "category": data.sounds.categories, "fold": data.folds}
        ),
        layers=fitted.layers,
        measured=measured,
        predicted=fitted.predictions,
        r=fitted.r,
        r2=fitted.r2,
        layer_index=fitted.layer_index,
        alpha=fitted.alpha,
        published=data.published,
    )
    return Scored(rows, detail, profile)


def ceilings(data: BrainDataset) -> FloatArray:
    """Ceiling of r2, (n_targets,): known, else estimated from repetitions, else nan."""
    if data.ceiling is not None:
        return data.ceiling
    if data.n_repeats < 2:
        return np.full(data.n_targets, np.nan)
    return encode.ceiling_r2(data.responses)


def _rows(
    data: BrainDataset, numbers: _Numbers, uncertainty: Uncertainty, n_jobs: int
) -> Iterator[Row]:
    if data.kind == "voxels":
        for part in parts(data):
            yield from _part_rows(part, numbers, uncertainty, n_jobs)
    yield from _target_rows(data, numbers, uncertainty, n_jobs)


def _part_rows(
    part: Part, numbers: _Numbers, uncertainty: Uncertainty, n_jobs: int
) -> Iterator[Row]:
    """Yield the mean over listeners, and the median over each one's targets."""
    fitted, here = numbers.fitted, part.targets
    r2 = fitted.r2[here]
    scores = stats.over_listeners(r2, part.listeners)
    scored = np.where(np.isnan(r2), np.nan, numbers.ceiling[here])
    tops = stats.over_listeners(scored, part.listeners)
    n_sounds, n_listeners = len(numbers.measured), len(scores.listeners)
    low, high = np.full(n_listeners, np.nan), np.full(n_listeners, np.nan)
    overall = (np.nan, np.nan)
    if numbers.counts is not None:
        samples = stats.bootstrap_listeners(
            fitted.predictions[:, here],
            numbers.measured[:, here],
            part.listeners,
            numbers.counts,
            n_jobs=n_jobs,
        )
        low, high = uncertainty.over_sounds(samples, scores.values, n_sounds)
        overall = uncertainty.of_mean(samples, scores.values)
    p, p_overall = np.full(n_listeners, np.nan), np.nan
    if numbers.null is not None:
        null = stats.median_over_groups(numbers.null[:, here], part.listeners)
        p = _p(scores.values, null)
        p_overall = float(_p(np.array([scores.mean]), np.nanmean(null, axis=1)[:, None])[0])
    yield row(
        "dataset",
        "all",
        scores.mean,
        "r2",
        region=part.region,
        layer=most_frequent(fitted.layers, fitted.layer_index[:, here]),
        ceiling=tops.mean,
        stderr=scores.stderr,
        low=overall[0],
        high=overall[1],
        p=p_overall,
    )
    for i, name in enumerate(scores.listeners):
        mine = here[part.listeners == name]
        yield row(
            "listener",
            name,
            scores.values[i],
            "r2",
            region=part.region,
            layer=most_frequent(fitted.layers, fitted.layer_index[:, mine]),
            ceiling=tops.values[i],
            low=low[i],
            high=high[i],
            p=p[i],
        )


def _target_rows(
    data: BrainDataset, numbers: _Numbers, uncertainty: Uncertainty, n_jobs: int
) -> Iterator[Row]:
    fitted = numbers.fitted
    low, high = _target_intervals(numbers, uncertainty, n_jobs)
    p = np.full(data.n_targets, np.nan)
    if numbers.null is not None:
        p = _p(fitted.r2, numbers.null)
    regions = data.targets.get("region", pd.Series([None] * data.n_targets, dtype=object))
    ceiling_r = np.sqrt(np.where(numbers.ceiling >= 0, numbers.ceiling, np.nan))
    for i, target in enumerate(data.targets["target"]):
        shared = {
            "region": None if pd.isna(regions.iloc[i]) else regions.iloc[i],
            "layer": most_frequent(fitted.layers, fitted.layer_index[:, i]),
        }
        yield row(
            "target",
            target,
            fitted.r2[i],
            "r2",
            ceiling=numbers.ceiling[i],
            low=low[0, i],
            high=high[0, i],
            p=p[i],
            **shared,
        )
        yield row(
            "target",
            target,
            fitted.r[i],
            "r",
            ceiling=ceiling_r[i],
            low=low[1, i],
            high=high[1, i],
            **shared,
        )


def _target_intervals(
    numbers: _Numbers, uncertainty: Uncertainty, n_jobs: int
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the intervals of r2 and of r, each (2, n_targets)."""
    fitted = numbers.fitted
    n_sounds, n_targets = numbers.measured.shape
    low, high = np.full((2, n_targets), np.nan), np.full((2, n_targets), np.nan)
    if numbers.counts is None:
        return low, high
    for start in range(0, n_targets, BLOCK):
        here = slice(start, start + BLOCK)
        samples = stats.bootstrap_r2(
            fitted.predictions[:, here],
            numbers.measured[:, here],
            numbers.counts,
            n_jobs=n_jobs,
        )
        for unit, (drawn, value) in enumerate(((samples.r2, fitted.r2), (samples.r, fitted.r))):
            ends = uncertainty.over_sounds(drawn, value[here], n_sounds)
            low[unit, here], high[unit, here] = ends
    return low, high


def _p(observed: FloatArray, null: FloatArray) -> FloatArray:
    """P of each observed value (n,) under its null (n_permutations, n); nan stays nan."""
    p = np.full(len(observed), np.nan)
    known = ~np.isnan(observed) & ~np.isnan(null).any(axis=0)
    p[known] = stats.p_value(observed[known], null[:, known])
    return p
