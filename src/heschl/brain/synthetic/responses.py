"""Simulated listeners: voxels whose encoding model, noise and ceiling are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.brain.synthetic.features import MODULATIONS, N_BANDS, NAMES, features
from heschl.brain.synthetic.recipes import sounds
from heschl.brain.synthetic.signals import Array

SEED = 2026
N_LISTENERS = 4
N_REPEATS = 3
#: Voxels of each region in one listener, thirty in all.
REGIONS = {"Primary": 8, "Lateral": 8, "Posterior": 7, "Anterior": 7}
#: Centre of each region on a schematic flat map, in mm from Heschl's gyrus: x away from the
#: midline, y towards the front.
CENTRES = {
    "Primary": (0.0, 0.0),
    "Lateral": (14.0, -2.0),
    "Posterior": (4.0, -18.0),
    "Anterior": (6.0, 18.0),
}
#: How strongly each region weighs spectrum, slow modulations (below 16 Hz), fast ones, harmonicity.
PREFERENCES = {
    "Primary": (1.0, 0.1, 0.1, 0.1),
    "Lateral": (0.35, 0.7, 0.2, 0.9),
    "Posterior": (0.45, 0.3, 0.9, 0.2),
    "Anterior": (0.25, 1.0, 0.2, 1.2),
}
RELIABILITY = (0.2, 0.8)  # of a single repetition: variance of the signal over all variance
GAIN = (0.5, 2.0)  # standard deviation of the signal, in per cent signal change


@dataclass(frozen=True)
class Truth:
    """What the responses were made of; every array is read-only.

    Attributes
    ----------
    features : ndarray, shape (n_sounds, n_features)
        Acoustic features, z-scored over sounds (ddof 0).
    feature_names : tuple of str
    weights : ndarray, shape (n_features, n_targets)
        In per cent signal change for one standard deviation of the feature.
    signal : ndarray, shape (n_sounds, n_targets)
        ``features @ weights``, in per cent signal change.
    noise_sd : ndarray, shape (n_targets,)
        Standard deviation of the Gaussian noise of one repetition, in per cent signal change.
    ceiling : ndarray, shape (n_targets,)
        In units of r2: the squared correlation to be expected between the signal and the mean over
        `N_REPEATS` repetitions, ``var(signal) / (var(signal) + noise_sd**2 / N_REPEATS)``, the
        variance being over the 80 sounds (ddof 0). It is not to be squared again.
    """

    features: Array = field(repr=False)
    feature_names: tuple[str, ...] = field(repr=False)
    weights: Array = field(repr=False)
    signal: Array = field(repr=False)
    noise_sd: Array = field(repr=False)
    ceiling: Array = field(repr=False)


@cache
def target_table() -> pd.DataFrame:
    """One row per voxel: target, listener, region, hemisphere, x and y in mm (make a copy)."""
    rng = np.random.Generator(np.random.PCG64([SEED, 0]))
    rows = []
    for listener in range(1, N_LISTENERS + 1):
        regions = [region for region, count in REGIONS.items() for _ in range(count)]
        for number, region in enumerate(regions, start=1):
            hemisphere = ("left", "right")[(number + listener) % 2]
            x, y = np.array(CENTRES[region]) + rng.normal(0, 3.0, 2)
            rows.append(
                {
                    "target": f"S{listener}_voxel{number:02d}",
                    "listener": f"S{listener}",
                    "region": region,
                    "hemisphere": hemisphere,
                    "x": round(float(-x if hemisphere == "left" else x), 2),
                    "y": round(float(y), 2),
                }
            )
    return pd.DataFrame(rows)


def _weights(rng: np.random.Generator, region: str) -> Array:
    """Draw one voxel's weights, (n_features,), before scaling.

    The spectrum is weighed by a tuning curve around a best frequency, against its surroundings; a
    preference for slow modulations and harmonicity together is a preference for speech and song.
    """
    spectrum, slow, fast, harmonic = PREFERENCES[region]
    best = rng.uniform(0, N_BANDS - 1)
    tuning = np.exp(-0.5 * ((np.arange(N_BANDS) - best) / rng.uniform(1.0, 2.0)) ** 2)
    edges = np.array(MODULATIONS[:-1])
    modulation = np.where(edges < 16, slow, fast) * (0.4 + 0.8 * rng.standard_normal(len(edges)))
    pitch = harmonic * (1.0 + 0.3 * rng.standard_normal())
    drawn = [spectrum * (tuning - tuning.mean()), modulation / np.sqrt(len(edges)), [pitch]]
    return np.concatenate(drawn) + 0.03 * rng.standard_normal(len(NAMES))


def simulate() -> tuple[Truth, NDArray[np.float64]]:
    """Compute truth and responses afresh.

    Returns
    -------
    truth : Truth
    responses : ndarray of float64, shape (n_sounds, n_targets, n_repeats)
        In per cent signal change, read-only.
    """
    rng = np.random.Generator(np.random.PCG64([SEED, 1]))
    described = np.stack([features(clip.read()[0]) for clip in sounds()])
    described = (described - described.mean(axis=0)) / described.std(axis=0)
    weights = np.stack([_weights(rng, region) for region in target_table()["region"]], axis=1)
    n_targets = weights.shape[1]
    # einsum, not BLAS: the same to the last bit whatever library and number of threads
    weights *= rng.uniform(*GAIN, n_targets) / np.einsum("sf,ft->st", described, weights).std(
        axis=0
    )
    signal = np.einsum("sf,ft->st", described, weights)
    reliability = rng.uniform(*RELIABILITY, n_targets)
    variance = signal.var(axis=0)
    noise_sd = np.sqrt(variance * (1 - reliability) / reliability)
    noise = rng.standard_normal((len(described), n_targets, N_REPEATS)) * noise_sd[:, None]
    responses = signal[:, :, None] + noise
    ceiling = variance / (variance + noise_sd**2 / N_REPEATS)
    for array in (described, weights, signal, noise_sd, ceiling, responses):
        array.setflags(write=False)
    return Truth(described, NAMES, weights, signal, noise_sd, ceiling), responses


@cache
def simulated() -> tuple[Truth, NDArray[np.float64]]:
    """Return what `simulate` computes, computed once per process."""
    return simulate()
