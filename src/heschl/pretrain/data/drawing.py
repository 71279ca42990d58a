"""Which sound an item of training is, and where it is cut: a function of the seed and its number.

Items are counted over a whole run: step k of batches of B has items k * B to k * B + B - 1. There
is no state, so nothing has to be kept to go on from a step, and it does not matter which process
draws an item, or in which order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from heschl.errors import UsageError
from heschl.pretrain.data.index import SoundIndex

_WORD = 1 << 64


@dataclass(frozen=True)
class Crop:
    """A piece of a file.

    Attributes
    ----------
    source : str
        Name of the source.
    file : int
        Number of the file in the index.
    start : int
        First sample, at the rate of the file.
    n_samples : int
        At the rate of the file; all samples of a file that is shorter than a crop.
    sample_rate : int
        Of the file, in Hz.
    mask_seed : int
        For what else is random about the item (its mask), 0 to 2^63 - 1.
    """

    source: str
    file: int
    start: int
    n_samples: int
    sample_rate: int
    mask_seed: int


def draw(index: SoundIndex, seed: int, item: int, crop_seconds: float, *, attempt: int = 0) -> Crop:
    """Draw the crop of an item.

    Files are as likely as `SoundIndex.cumulative` says, all places of a file are equally likely.

    Parameters
    ----------
    index : SoundIndex
    seed : int
        Of the run, 0 to 2^64 - 1.
    item : int
        Its number in the run, from 0.
    crop_seconds : float
        Duration of a crop.
    attempt : int, optional
        How many earlier draws of this item turned out to be damaged.

    Returns
    -------
    Crop
        Equal for equal arguments, on every machine: the random numbers are those of
        `numpy.random.SeedSequence`, which numpy keeps the same.

    Raises
    ------
    UsageError
        If the seed, the item or the duration cannot be.
    """
    if not 0 <= seed < _WORD:
        raise UsageError(f"seed is {seed}; expected a whole number from 0 to 2^64 - 1")
    if not 0 <= item < _WORD:
        raise UsageError(f"item is {item}; expected its number in the run, from 0")
    check_crop_seconds(crop_seconds)
    for_file, for_start, for_mask = _words(seed, item, attempt)
    below_one = (for_file >> 11) * 2.0**-53
    file = int(np.searchsorted(index.cumulative, below_one, side="right"))
    source, row = index.place(file)
    there, rate = int(source.n_samples[row]), int(source.sample_rates[row])
    n_samples = min(there, math.ceil(crop_seconds * rate))
    return Crop(
        source=source.name,
        file=file,
        start=(for_start * (there - n_samples + 1)) >> 64,
        n_samples=n_samples,
        sample_rate=rate,
        mask_seed=for_mask >> 1,
    )


def check_crop_seconds(crop_seconds: float) -> None:
    """Raise UsageError unless the duration of crops is finite and above 0."""
    if not (math.isfinite(crop_seconds) and crop_seconds > 0):
        raise UsageError(f"crop_seconds is {crop_seconds}; expected seconds, more than 0")


def _words(seed: int, item: int, attempt: int) -> list[int]:
    """Return three random numbers of 64 bits.

    Every number is given in words of its own: `SeedSequence` takes (1, 0) and (1,) for the same.
    """
    low = (1 << 32) - 1
    entropy = [seed & low, seed >> 32, item & low, item >> 32, attempt]
    return [int(word) for word in np.random.SeedSequence(entropy).generate_state(3, np.uint64)]
