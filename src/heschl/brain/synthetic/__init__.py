"""The embedded dataset ``synthetic``: eighty synthetic sounds, four simulated listeners.

It needs no download and its truth is known: every voxel is a linear function of a few acoustic
features of the sounds plus Gaussian noise, so its ceiling is known too, and a test, a demonstration
or a user's first try can tell a right score from a wrong one. It says nothing about brains.

Sounds: 80 of two seconds at 20 kHz: speech (20), music, animals, nature, everyday things (15 each).
Responses: 4 listeners x 30 voxels, 3 repetitions. Folds: 5 of 16 sounds, stratified by category.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heschl.brain.dataset import BrainDataset, DatasetSpec

if TYPE_CHECKING:
    from heschl.brain.synthetic.responses import Truth

# the synthesis is imported where it is used: scipy.signal takes long, and most runs need none


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
    from heschl.brain.synthetic.dataset import make

    return make()


def truth() -> Truth:
    """Return what the responses were made of: features, weights, signal, noise and ceiling."""
    from heschl.brain.synthetic.responses import simulated

    return simulated()[0]


SPEC = DatasetSpec(
    name="synthetic",
    kind="voxels",
    n_sounds=80,
    n_targets=120,
    summary="80 synthetic sounds, 4 simulated listeners x 30 voxels of known truth; no download",
    load=load,
    fetch=None,
    plan=None,
    licence="BSD-3-Clause",
    citation="Simulated by heschl; no publication, no listeners.",
)
