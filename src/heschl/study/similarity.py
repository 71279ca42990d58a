"""Scores of representational similarity: every listener and region, the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl import rsa, stats
from heschl.brain import BrainDataset
from heschl.errors import InputError
from heschl.results import Profile, RdmDetail
from heschl.study.parts import parts
from heschl.study.regression import Features, Scored
from heschl.study.rows import Row, most_frequent, row
from heschl.study.uncertainty import Uncertainty

FloatArray = NDArray[np.float64]


def score_similarity(
    features: Features,
    data: BrainDataset,
    protocol: rsa.RsaProtocol,
    uncertainty: Uncertainty,
    names: Mapping[str, Any],
    *,
    n_jobs: int,
    show_progress: bool,
) -> Scored:
    """Compare the layers' dissimilarity matrices with those of each listener and region."""
    groups, brain = _brain(data)
    if np.isnan(brain).any(axis=1).all():
        raise InputError(
            f"{data.name}: no listener has two targets without missing responses; a "
            "dissimilarity matrix needs at least two"
        )
    regions = ["" if region is None else region for region in groups["region"]]
    model = rsa.model_rdms(features, n_jobs=n_jobs, show_progress=show_progress)
    options: dict[str, Any] = {"protocol": protocol, "regions": regions, "n_jobs": n_jobs}
    found = rsa.score_rdms(model, brain, data.folds, layers=features, **options)
    ceiling = rsa.ceiling(brain, regions).lower
    samples = None
    counts = uncertainty.sounds(len(data.sounds))
    if counts is not None:
        samples = rsa.bootstrap(found.model, brain, counts, n_jobs=n_jobs)
    null = None
    if uncertainty.n_permutations:
        n, seed = uncertainty.n_permutations, uncertainty.seed + 2
        null = rsa.null_scores(model, brain, data.folds, n, seed, **options)
    table = groups.assign(rho=found.rho, ceiling=ceiling)
    rows = [
        one
        for region in dict.fromkeys(regions)
        for one in _rows(
            table[np.array(regions) == region], found, samples, null, uncertainty, len(data.sounds)
        )
    ]
    profile = Profile(
        **names,
        unit="rho",
        groups=groups,
        layers=found.layers,
        scores=found.layer_rho,
        ceiling=ceiling,
    )
    detail = RdmDetail(**names, groups=groups, brain=brain, compared=found.model)
    return Scored(rows, profile=profile, rdms=detail)


def _brain(data: BrainDataset) -> tuple[pd.DataFrame, FloatArray]:
    """Return listener and region of each group, and their dissimilarities (n_groups, n_pairs)."""
    measured = data.mean_responses()
    tables, rdms = [], []
    for part in parts(data):
        listeners, brain = rsa.brain_rdms(measured[:, part.targets], part.listeners)
        region = [part.region] * len(listeners)
        tables.append(pd.DataFrame({"listener": listeners, "region": region}, dtype=object))
        rdms.append(brain)
    return pd.concat(tables, ignore_index=True), np.concatenate(rdms)


def _rows(
    table: pd.DataFrame,
    found: rsa.Rsa,
    samples: FloatArray | None,
    null: FloatArray | None,
    uncertainty: Uncertainty,
    n_sounds: int,
) -> Iterator[Row]:
    """Yield the rows of one region: the mean over listeners, and each listener."""
    index = table.index.to_numpy()
    n = len(index)
    low, high, p = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    overall, p_overall = (np.nan, np.nan), np.nan
    # one value a listener: the median is that value, the mean is over listeners
    scores = stats.over_listeners(found.rho[index], table["listener"].to_numpy(str))
    tops = stats.over_listeners(table["ceiling"].to_numpy(), table["listener"].to_numpy(str))
    if samples is not None:
        low, high = uncertainty.over_sounds(samples[:, index], found.rho[index], n_sounds)
        overall = uncertainty.of_mean(samples[:, index], scores.values)
    if null is not None:
        known = ~np.isnan(found.rho[index])
        p[known] = stats.p_value(found.rho[index[known]], null[:, index[known]])
        p_overall = float(stats.p_value(np.array(scores.mean), null[:, index[known]].mean(axis=1)))
    region = table["region"].iloc[0]
    yield row(
        "dataset",
        "all",
        scores.mean,
        "rho",
        region=region,
        layer=most_frequent(found.layers, found.layer_index[index]),
        ceiling=tops.mean,
        stderr=scores.stderr,
        low=overall[0],
        high=overall[1],
        p=p_overall,
    )
    for i, (k, one) in enumerate(zip(index, table.to_dict(orient="records"), strict=True)):
        yield row(
            "listener",
            one["listener"],
            one["rho"],
            "rho",
            region=region,
            layer=most_frequent(found.layers, found.layer_index[k]),
            ceiling=one["ceiling"],
            low=low[i],
            high=high[i],
            p=p[i],
        )
