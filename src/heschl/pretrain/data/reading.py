"""What the processes that read training sounds do: crops in, one array out.

They are told which crops to read and know nothing else of the data, so that they stay small however
many files there are. Damage is told as a value; what to do about it is not theirs to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from heschl.audio import FloatArray
from heschl.errors import AudioError
from heschl.pretrain.data.cropping import read_crop
from heschl.pretrain.data.steps import Request

Found = tuple[FloatArray, int] | AudioError
"""A waveform (n_samples,) and how much of it is sound, or what is wrong with the file."""


class Read(NamedTuple):
    """Crops that were read.

    Attributes
    ----------
    waveforms : Tensor of float32, shape (n_crops, n_samples)
    n_samples : Tensor of int64, shape (n_crops,)
        How many samples of each are sound.
    damaged : dict of int to str
        What is wrong, by the row of crops that could not be read; they are zeros.
    """

    waveforms: Tensor
    n_samples: Tensor
    damaged: dict[int, str]


class CropReader(Dataset[Found]):
    """Reads crops of one duration at one rate.

    Parameters
    ----------
    crop_seconds : float
    sample_rate : int
        In Hz.
    """

    def __init__(self, crop_seconds: float, sample_rate: int) -> None:
        self.crop_seconds = crop_seconds
        self.sample_rate = sample_rate

    @property
    def n_samples(self) -> int:
        """Length of a waveform."""
        return round(self.crop_seconds * self.sample_rate)

    def __getitem__(self, request: Request) -> Found:
        """Return the waveform (n_samples,) of a crop and how much of it is sound, or the error."""
        try:
            return read_crop(
                request.path,
                request.crop,
                crop_seconds=self.crop_seconds,
                sample_rate=self.sample_rate,
            )
        except AudioError as error:
            return error

    def stack(self, found: Sequence[Found]) -> Read:
        """Put crops into one array."""
        # numpy: torch's threads, on a machine that trains meanwhile, take ten times as long
        waveforms = np.zeros((len(found), self.n_samples), np.float32)
        n_samples = np.zeros(len(found), np.int64)
        damaged = {}
        for row, one in enumerate(found):
            if isinstance(one, AudioError):
                damaged[row] = str(one)
            else:
                waveforms[row], n_samples[row] = one
        return Read(torch.from_numpy(waveforms), torch.from_numpy(n_samples), damaged)
