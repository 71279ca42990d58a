"""Which frames of a batch are hidden, which are visible, and which are padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from heschl.models.encodecmae.frontends import FrontEnd, Waveform
from heschl.models.encodecmae.seanet import STRIDES
from heschl.pretrain.masking import gap_masks

_HOP = torch.tensor(STRIDES).prod().item()  # samples of a frame of EnCodec's encoder: 320


class Frames(NamedTuple):
    """The frames of a batch.

    It is made on the CPU, where it costs nothing to look at counts; on a GPU that would wait for
    all work before it.

    Attributes
    ----------
    mask, valid : Tensor of bool, shape (n_clips, n_frames)
        Frames that are hidden, and frames that are no padding.
    order : Tensor of int64, shape (n_clips, n_most)
        Numbers of the visible frames of each clip in order of time; a clip that has fewer than
        another is filled up with others of its frames.
    seen : Tensor of bool, shape (n_clips, n_most), or None
        Which of these are visible; None if all are.
    sounding : Tensor of bool, shape (n_clips, n_frames), or None
        As ``valid``; None if nothing is padding.
    """

    mask: Tensor
    valid: Tensor
    order: Tensor
    seen: Tensor | None
    sounding: Tensor | None

    @classmethod
    def of(cls, mask: Tensor, valid: Tensor) -> Self:
        """Find the visible frames of a mask (n_clips, n_frames)."""
        visible = ~mask & valid
        counts = visible.sum(dim=1)
        n_most = max(1, int(counts.max()))
        order = torch.sort((~visible).to(torch.uint8), dim=1, stable=True).indices[:, :n_most]
        seen = torch.arange(n_most) < counts[:, None]
        return cls(mask, valid, order, _unless_all(seen), _unless_all(valid))

    @classmethod
    def draw(
        cls,
        n_frames: Sequence[int],
        seeds: Sequence[int],
        n_longest: int,
        *,
        gap: int,
        proportion: float,
    ) -> Self:
        """Draw the masks of a batch; see `heschl.pretrain.masking.gap_masks`."""
        mask = torch.from_numpy(
            gap_masks(n_frames, seeds, n_longest, gap=gap, proportion=proportion)
        )
        return cls.of(mask, torch.arange(n_longest) < torch.as_tensor(n_frames)[:, None])

    def to(self, device: torch.device) -> Self:
        """Copy everything to a device."""
        seen = None if self.seen is None else self.seen.to(device)
        sounding = None if self.sounding is None else self.sounding.to(device)
        mask, valid, order = (x.to(device) for x in (self.mask, self.valid, self.order))
        return type(self)(mask, valid, order, seen, sounding)


def _unless_all(x: Tensor) -> Tensor | None:
    return None if bool(x.all()) else x


def n_frames(front_end: FrontEnd, n_samples: Tensor) -> Tensor:
    """Return how many frames a front end makes of so many samples: at least one.

    Parameters
    ----------
    front_end : Mel, Spectrogram or Waveform
    n_samples : Tensor of int64

    Returns
    -------
    Tensor of int64
    """
    if isinstance(front_end, Waveform):
        return (n_samples + _HOP - 1).div(_HOP, rounding_mode="floor").clamp_min(1)
    beyond = (n_samples - front_end.frame_length).div(front_end.frame_shift, rounding_mode="floor")
    return (beyond + 1).clamp_min(1)
