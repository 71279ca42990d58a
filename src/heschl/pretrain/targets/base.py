"""What all kinds of targets have in common."""

from __future__ import annotations

import abc
from collections.abc import Mapping

from torch import Tensor, nn


class Targets(nn.Module, abc.ABC):
    """Makes codes of waveforms. Its tensors are never trained.

    Attributes
    ----------
    n_codebooks, n_codes : int
    weights : tuple of float
        Of each codebook in the loss.
    """

    n_codebooks: int
    n_codes: int
    weights: tuple[float, ...]

    @abc.abstractmethod
    def forward(self, waveforms: Tensor) -> Tensor:
        """Return the codes of a batch.

        Parameters
        ----------
        waveforms : Tensor, shape (n_clips, n_samples)
            At 24 kHz, full scale -1 to 1.

        Returns
        -------
        Tensor of int64, shape (n_clips, n_codebooks, n_frames)
            There may be a frame more or less than the network's input has.
        """

    @abc.abstractmethod
    def source(self) -> str:
        """Return the SHA-256 of the weights that the codes come of; "" if there are none."""

    @abc.abstractmethod
    def fitted(self) -> Mapping[str, Tensor]:
        """Return what was fitted or drawn for this training, to be kept with it."""
