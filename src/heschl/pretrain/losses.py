"""The loss of EnCodecMAE: cross-entropy of each codebook's code, masked frames counting most.

Source: arXiv 2309.07391, section 3; the weights are those of habla-liaa/encodecmae at 2dd6759.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

#: Weight of each of EnCodec's eight codebooks.
CODEBOOK_WEIGHTS = (
    0.22407463,
    0.1759858,
    0.14499009,
    0.12150037,
    0.10315603,
    0.08831368,
    0.07608274,
    0.06589669,
)
MASKED = 0.9  # share of the masked frames' mean in the loss


@dataclass(frozen=True)
class Counts:
    """Over how many frames the means are taken: those of a whole step.

    Attributes
    ----------
    masked, visible : float
        Of all clips of all parts of the step, on all processes.
    """

    masked: float
    visible: float


@dataclass(frozen=True)
class Loss:
    """A part's share in the loss of a step; the shares of all parts add up to it.

    Attributes
    ----------
    total : Tensor, shape ()
        ``0.9 * masked + 0.1 * visible``; it has the gradient.
    masked, visible : Tensor, shape ()
    """

    total: Tensor
    masked: Tensor
    visible: Tensor


def count(mask: Tensor, valid: Tensor) -> Tensor:
    """Count masked and visible frames of a batch.

    Parameters
    ----------
    mask, valid : Tensor of bool, shape (n_clips, n_frames)
        Frames that are hidden, and frames that are no padding.

    Returns
    -------
    Tensor of float32, shape (2,)
    """
    return torch.stack([(mask & valid).sum(), (~mask & valid).sum()]).float()


def masked_cross_entropy(
    logits: Tensor,
    codes: Tensor,
    mask: Tensor,
    valid: Tensor,
    counts: Counts,
    *,
    weights: Tensor,
    masked: float = MASKED,
) -> Loss:
    """Compute a batch's share in the loss of a step.

    The cross-entropies of a frame's codebooks are added, each times its weight; the means over
    masked and over visible frames are taken apart. They are sums over this batch divided by the
    counts of the whole step, so that a step in parts, or on several processes, has the loss and the
    gradient of the step in one piece whatever the lengths of its clips. Padding counts nowhere.

    Parameters
    ----------
    logits : Tensor, shape (n_clips, n_frames, n_codebooks, n_codes)
    codes : Tensor of int64, shape (n_clips, n_codebooks, n_frames)
    mask, valid : Tensor of bool, shape (n_clips, n_frames)
    counts : Counts
    weights : Tensor, shape (n_codebooks,)
    masked : float, optional
        Share of the masked frames; the rest is that of the visible ones.

    Returns
    -------
    Loss
    """
    n_frames = min(logits.shape[1], codes.shape[2])  # front ends differ by a frame from the codes
    logits, codes = logits[:, :n_frames].float(), codes[..., :n_frames]
    each = functional.cross_entropy(logits.movedim(-1, 1), codes.transpose(1, 2), reduction="none")
    of_frames = each @ weights.to(each.dtype)
    hidden = (mask & valid)[:, :n_frames]
    seen = (~mask & valid)[:, :n_frames]
    of_masked = (of_frames * hidden).sum() / max(1.0, counts.masked)
    of_visible = (of_frames * seen).sum() / max(1.0, counts.visible)
    total = masked * of_masked + (1 - masked) * of_visible
    return Loss(total, of_masked.detach(), of_visible.detach())
