"""Scores corrected for noise (protocol tuckute2023): every target, listener and region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl import encode
from heschl.brain import BrainDataset
from heschl.results import Profile
from heschl.study.parts import Part, listeners_of, parts
from heschl.study.regression import Features, Scored
from heschl.study.rows import Row, most_frequent, row
from heschl.study.uncertainty import Uncertainty

FloatArray = NDArray[np.float64]

UNIT = "r2_corrected"


def score_corrected(
    features: Features,
    data: BrainDataset,
    protocol: encode.CorrectedRidgeProtocol,
    uncertainty: Uncertainty,
    names: Mapping[str, Any],
    *,
    n_jobs: int,
    show_progress: bool,
) -> Scored:
    """Predict all targets from every layer on random halves of the sounds, and score them.

    The ceiling of a score that is corrected for noise is 1; single scores can exceed it.
    """
    found = encode.corrected_ridge(
        features, data.responses, protocol=protocol, n_jobs=n_jobs, show_progress=show_progress
    )
    scores = found.r2_corrected
    overall = next(parts(data))
    choice = encode.choose_layer(scores, overall.listeners, seed=uncertainty.seed)
    rows = [one for part in parts(data) for one in _part_rows(part, found, scores, uncertainty)]
    rows += _target_rows(data, found, scores, choice)
    profile = Profile(
        **names,
        unit=UNIT,
        groups=data.targets.assign(
            share_at_edge=found.at_edge.mean(axis=(0, 1)),
            share_constant=found.constant.mean(axis=(0, 1)),
        ),
        layers=found.layers,
        scores=np.median(scores, axis=1).T,
        ceiling=np.ones(data.n_targets),
    )
    return Scored(rows, profile=profile)


def _part_rows(
    part: Part, found: encode.CorrectedRidge, scores: FloatArray, uncertainty: Uncertainty
) -> Iterator[Row]:
    choice = encode.choose_layer(scores[:, :, part.targets], part.listeners, seed=uncertainty.seed)
    low, high = uncertainty.of_mean(choice.values, choice.values)
    yield row(
        "dataset",
        "all",
        choice.mean,
        UNIT,
        region=part.region,
        layer=most_frequent(found.layers, choice.layer_index),
        ceiling=1.0,
        stderr=choice.stderr,
        low=low,
        high=high,
    )
    for i, name in enumerate(choice.listeners):
        yield row(
            "listener",
            name,
            choice.values[i],
            UNIT,
            region=part.region,
            layer=most_frequent(found.layers, choice.layer_index[i]),
            ceiling=1.0,
        )


def _target_rows(
    data: BrainDataset,
    found: encode.CorrectedRidge,
    scores: FloatArray,
    choice: encode.LayerChoice,
) -> Iterator[Row]:
    """Yield every target's score in the layer that its listener's splits chose most often."""
    medians = np.median(scores, axis=1)
    own = dict(zip(choice.listeners, choice.layer_index, strict=True))
    regions = data.targets.get("region")
    for i, (target, listener) in enumerate(
        zip(data.targets["target"], listeners_of(data), strict=True)
    ):
        layer = most_frequent(found.layers, own[listener])
        value = np.nan if layer is None else medians[found.layers.index(layer), i]
        yield row(
            "target",
            target,
            value,
            UNIT,
            region=None if regions is None else regions.iloc[i],
            layer=layer,
            ceiling=1.0,
        )
