"""The embedded dataset ``synthetic``: eighty synthetic sounds, four simulated listeners.

It needs no download and its truth is known: every voxel is a linear function of a few acoustic
features of the sounds plus Gaussian noise, so its ceiling is known too, and a test, a demonstration
or a user's first try can tell a right score from a wrong one. It says nothing about brains.

Sounds: 80 of two seconds at 20 kHz: speech (20), music, animals, nature, everyday things (15 each).
Responses: 4 listeners x 30 voxels, 3 repetitions. Folds: 5 of 16 sounds, stratified by category.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray

from heschl.brain.dataset import BrainDataset, DatasetSpec
from heschl.brain.synthetic.recipes import sounds
from heschl.brain.synthetic.responses import SEED, Truth, simulated, target_table

N_FOLDS = 5
REVISION = 1  # to be raised whenever a sound or a response changes
LICENCE = "BSD-3-Clause"
CITATION = "Simulated by heschl; no publication, no listeners."


def load() -> BrainDataset:
    """Return the dataset, computed once per process from fixed seeds.

    Its ``ceiling`` is in units of r2: the squared correlation to be expected between a voxel's
    noiseless signal and its mean over the three repetitions,
    ``var(signal) / (var(signal) + var(noise) / 3)`` with the variance over the 80 sounds.

    Returns
    -------
    BrainDataset
        Its arrays are read-only; its table of targets is a copy.
    """
    truth_, responses = simulated()
    return BrainDataset(
        name=SPEC.name,
        kind=SPEC.kind,
        sounds=sounds(),
        responses=responses,
        targets=target_table().copy(),
        folds=_folds(),
        citation=CITATION,
        licence=LICENCE,
        ceiling=truth_.ceiling,
        source={
            "generator": "heschl.brain.synthetic",
            "revision": REVISION,
            "seed": SEED,
            "responses_sha256": hashlib.sha256(responses.astype("<f8").tobytes()).hexdigest(),
        },
    )


def truth() -> Truth:
    """Return what the responses were made of: features, weights, signal, noise and ceiling."""
    return simulated()[0]


@cache
def _folds() -> NDArray[np.int64]:
    """Deal the sounds of each category out to the folds in turn, (n_sounds,)."""
    dealt: dict[str | None, int] = {}
    folds = np.empty(len(sounds()), np.int64)
    for i, category in enumerate(sounds().categories):
        folds[i] = dealt.get(category, 0) % N_FOLDS
        dealt[category] = dealt.get(category, 0) + 1
    folds.setflags(write=False)
    return folds


SPEC = DatasetSpec(
    name="synthetic",
    kind="voxels",
    summary="80 synthetic sounds, 4 simulated listeners x 30 voxels of known truth; no download",
    load=load,
    fetch=None,
    plan=None,
    licence=LICENCE,
    citation=CITATION,
)
