"""What one process trains on in one step; crops that cannot be read are refused or drawn again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from heschl.errors import AudioError
from heschl.pretrain.data.drawing import Crop
from heschl.pretrain.data.reading import CropReader, Read
from heschl.pretrain.data.steps import Steps

#: How often an item is drawn again, one damaged file after the other, before training gives up.
N_ATTEMPTS = 20


@dataclass(frozen=True)
class Batch:
    """What one process trains on in one step.

    Attributes
    ----------
    step : int
        Counted from 0: the first step of a run is step 0.
    items : ndarray of int64, shape (n_items,)
        Numbers of the items in the run.
    waveforms : Tensor of float32, shape (n_items, n_samples)
        On the CPU, in pinned memory where there is CUDA.
    n_samples : Tensor of int64, shape (n_items,)
        How many samples of each waveform are sound; zeros follow.
    mask_seeds : ndarray of int64, shape (n_items,)
        For the mask of each item.
    replaced : tuple of str
        Why crops were drawn again, with their files: empty unless ``skip_bad``.
    """

    step: int
    items: NDArray[np.int64]
    waveforms: Tensor
    n_samples: Tensor
    mask_seeds: NDArray[np.int64]
    replaced: tuple[str, ...] = ()


def batch_of(steps: Steps, step: int, read: Read, reader: CropReader, *, skip_bad: bool) -> Batch:
    """Make the batch of a step from what was read for it.

    Raises
    ------
    AudioError
        If a crop could not be read and is not to be replaced, or none can be read in its place.
    """
    items = steps.items(step)
    crops = [steps.crop(item) for item in items]
    replaced = []
    for row, why in read.damaged.items():
        if not skip_bad:
            raise AudioError(
                f"{why}. Replace the file and go on from the last checkpoint, or let such crops be "
                "drawn again: skip_bad: true in the recipe's data, or skip_bad=True"
            )
        crops[row], waveform, n_samples, reasons = _drawn_again(steps, items[row], why, reader)
        read.waveforms[row] = waveform
        read.n_samples[row] = n_samples
        replaced += reasons
    return Batch(
        step=step,
        items=np.array(items, np.int64),
        waveforms=read.waveforms,
        n_samples=read.n_samples,
        mask_seeds=np.array([crop.mask_seed for crop in crops], np.int64),
        replaced=tuple(replaced),
    )


def _drawn_again(
    steps: Steps, item: int, why: str, reader: CropReader
) -> tuple[Crop, Tensor, int, list[str]]:
    """Draw an item until its crop can be read; also return what was wrong with the others."""
    reasons = [why]
    for attempt in range(1, N_ATTEMPTS):
        crop = steps.crop(item, attempt)
        found = reader[steps.request(crop)]
        if not isinstance(found, AudioError):
            return crop, torch.from_numpy(found[0]), found[1], reasons
        reasons.append(str(found))
    raise AudioError(
        f"item {item}: {N_ATTEMPTS} crops in a row cannot be read, the last: {reasons[-1]}. Is the "
        "disk with the training sounds still there?"
    )
