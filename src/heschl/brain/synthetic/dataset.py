"""The dataset itself, made of its sounds, its responses and its folds."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray

from heschl.brain.dataset import BrainDataset
from heschl.brain.synthetic import SPEC
from heschl.brain.synthetic.recipes import sounds
from heschl.brain.synthetic.responses import SEED, simulated, target_table

N_FOLDS = 5
REVISION = 1  # to be raised whenever a sound or a response changes


def make() -> BrainDataset:
    """Make the dataset; see `heschl.brain.synthetic.load`."""
    truth_, responses = simulated()
    return BrainDataset(
        name=SPEC.name,
        kind=SPEC.kind,
        sounds=sounds(),
        responses=responses,
        targets=target_table().copy(),
        folds=_folds(),
        citation=SPEC.citation,
        licence=SPEC.licence,
        ceiling=truth_.ceiling,
        source={
            "generator": "heschl.brain.synthetic",
            "revision": REVISION,
            "seed": SEED,
            "responses_sha256": hashlib.sha256(responses.astype("<f8").tobytes()).hexdigest(),
        },
    )


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
