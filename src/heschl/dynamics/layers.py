"""The score of every layer by itself: of groups of targets, and their mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl import rsa, stats
from heschl.activations import Activations
from heschl.averages import mean_and_stderr
from heschl.brain import BrainDataset
from heschl.results import Profile
from heschl.study.parts import EVERYONE, parts
from heschl.study.uncertainty import Uncertainty

FloatArray = NDArray[np.float64]
Row = dict[str, Any]


def layer_rows(
    profile: Profile,
    activations: Activations,
    dataset: BrainDataset,
    uncertainty: Uncertainty,
    *,
    n_jobs: int | None = None,
) -> Iterator[Row]:
    """Yield region, layer, target, value, interval and ceiling of every layer.

    Parameters
    ----------
    profile : Profile
        Scores (n_groups, n_layers): of listeners and regions (rsa), or of targets (regression).
    activations : Activations
        What they are of; intervals of rsa are resampled from them.
    dataset : BrainDataset
    uncertainty : Uncertainty
    n_jobs : int, optional
    """
    if profile.unit == "rho":
        yield from _similarity(profile, activations, dataset, uncertainty, n_jobs)
    elif dataset.kind == "voxels":
        yield from _voxels(profile, dataset)
    else:
        names = [str(name) for name in profile.groups["target"]]
        mean, top = mean_and_stderr(profile.scores)[0], mean_and_stderr(profile.ceiling)[0]
        yield from _rows(profile, "", [EVERYONE], mean[None], top[None])
        yield from _rows(profile, "", names, profile.scores, profile.ceiling)


def _similarity(
    profile: Profile,
    activations: Activations,
    dataset: BrainDataset,
    uncertainty: Uncertainty,
    n_jobs: int | None,
) -> Iterator[Row]:
    """Yield the mean over listeners and each listener, region by region."""
    samples = _samples(activations, dataset, uncertainty, n_jobs)
    regions = profile.groups["region"].astype(object).where(profile.groups["region"].notna(), "")
    for region in dict.fromkeys(regions):
        index = np.flatnonzero((regions == region).to_numpy())
        listeners = [str(name) for name in profile.groups["listener"].iloc[index]]
        scores, ceiling = profile.scores[index], profile.ceiling[index]
        drawn = None if samples is None else samples[:, index]
        ends = _over_sounds(drawn, scores, uncertainty, len(dataset.sounds))
        if listeners != [EVERYONE]:
            mean, top = mean_and_stderr(scores)[0], mean_and_stderr(ceiling)[0]
            overall = _of_mean(drawn, scores, uncertainty)
            yield from _rows(profile, region, [EVERYONE], mean[None], top[None], overall)
        yield from _rows(profile, region, listeners, scores, ceiling, ends)


def _samples(
    activations: Activations,
    dataset: BrainDataset,
    uncertainty: Uncertainty,
    n_jobs: int | None,
) -> FloatArray | None:
    """Rho in resamples of the sounds, (n_bootstrap, n_groups, n_layers); None if there are none."""
    counts = uncertainty.sounds(len(dataset.sounds))
    if counts is None:
        return None
    measured = dataset.mean_responses()
    brain = [rsa.brain_rdms(measured[:, p.targets], p.listeners)[1] for p in parts(dataset)]
    model = rsa.model_rdms(activations, n_jobs=n_jobs, show_progress=False)
    return rsa.bootstrap_layers(model, np.concatenate(brain), counts, n_jobs=n_jobs)


def _over_sounds(
    samples: FloatArray | None, scores: FloatArray, uncertainty: Uncertainty, n_sounds: int
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the interval of every group and layer, each (n_groups, n_layers)."""
    if samples is None:
        return np.full(scores.shape, np.nan), np.full(scores.shape, np.nan)
    flat = samples.reshape(len(samples), -1)
    low, high = uncertainty.over_sounds(flat, scores.ravel(), n_sounds)
    return low.reshape(scores.shape), high.reshape(scores.shape)


def _of_mean(
    samples: FloatArray | None, scores: FloatArray, uncertainty: Uncertainty
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the interval of each layer's mean over listeners, each (1, n_layers)."""
    if samples is None:
        missing = np.full((1, scores.shape[1]), np.nan)
        return missing, missing
    ends = [uncertainty.of_mean(samples[:, :, j], scores[:, j]) for j in range(scores.shape[1])]
    low, high = np.array(ends).T
    return low[None], high[None]


def _voxels(profile: Profile, dataset: BrainDataset) -> Iterator[Row]:
    """Yield the median over each listener's voxels, and the mean over listeners."""
    known = np.where(np.isnan(profile.scores).all(axis=1), np.nan, profile.ceiling)
    for part in parts(dataset):
        found = [stats.over_listeners(r2, part.listeners) for r2 in profile.scores[part.targets].T]
        tops = stats.over_listeners(known[part.targets], part.listeners)
        region = part.region or ""
        means, top = np.array([[one.mean for one in found]]), np.array([tops.mean])
        yield from _rows(profile, region, [EVERYONE], means, top)
        if list(tops.listeners) != [EVERYONE]:
            scores = np.stack([one.values for one in found], axis=1)
            yield from _rows(profile, region, list(tops.listeners), scores, tops.values)


def _rows(
    profile: Profile,
    region: str,
    targets: list[str],
    scores: FloatArray,
    ceiling: FloatArray | None = None,
    ends: tuple[FloatArray, FloatArray] | None = None,
) -> Iterator[Row]:
    """Yield a row for every target and layer; scores and ends are (n_targets, n_layers)."""
    for i, target in enumerate(targets):
        for j, layer in enumerate(profile.layers):
            yield {
                "region": region,
                "layer": layer,
                "layer_index": j,
                "target": target,
                "value": scores[i, j],
                "low": np.nan if ends is None else ends[0][i, j],
                "high": np.nan if ends is None else ends[1][i, j],
                "ceiling": np.nan if ceiling is None else ceiling[i],
            }
