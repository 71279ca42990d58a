"""Which frames of a clip are hidden: gaps at random starts, until half of the frames are masked.

Source: arXiv 2309.07391, section 3, with the numbers of habla-liaa/encodecmae at 2dd6759
(``MASK_GAP_SIZE``, ``MASK_PROP``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heschl.errors import UsageError

GAP = 15  # frames
PROPORTION = 0.5


def gap_mask(
    n_frames: int, rng: np.random.Generator, *, gap: int = GAP, proportion: float = PROPORTION
) -> NDArray[np.bool_]:
    """Draw the mask of one clip.

    Gaps start at random frames, may overlap, and are drawn until ``n_frames * proportion`` frames,
    rounded down, are masked. What the last gap masked beyond that is uncovered again at the
    beginning of the first gap, so that the count is exact.

    Parameters
    ----------
    n_frames : int
        Of the clip, without its padding.
    rng : numpy.random.Generator
    gap : int, optional
        Frames of a gap; a clip that is shorter has gaps of its own length.
    proportion : float, optional
        Of the frames that are masked, from 0 on and below 1.

    Returns
    -------
    ndarray of bool, shape (n_frames,)
        True where a frame is hidden from the encoder.

    Raises
    ------
    UsageError
        If the gap is shorter than 1, or the proportion out of its range.
    """
    if gap < 1 or not 0 <= proportion < 1:
        raise UsageError(
            f"gaps of {gap} frames over {proportion} of a clip; expected gaps of at least 1 frame "
            "and a proportion from 0 on, below 1"
        )
    wanted = int(n_frames * proportion)
    gap = min(gap, n_frames)
    mask = np.zeros(n_frames, np.bool_)
    starts: list[int] = []
    while (excess := np.count_nonzero(mask) - wanted) < 0:
        starts.append(int(rng.integers(0, n_frames - gap + 1)))
        mask[starts[-1] : starts[-1] + gap] = True
    if excess:  # less than a gap: the last one went too far
        mask[starts[0] : starts[0] + excess] = False
    return mask


def gap_masks(
    n_frames: Sequence[int],
    seeds: Sequence[int],
    n_longest: int,
    *,
    gap: int = GAP,
    proportion: float = PROPORTION,
) -> NDArray[np.bool_]:
    """Draw the masks of a batch, each from a seed of its own.

    Parameters
    ----------
    n_frames : sequence of int, shape (n_clips,)
        Of each clip, without its padding.
    seeds : sequence of int, shape (n_clips,)
    n_longest : int
        Frames of each row: of a whole crop.
    gap, proportion
        As in `gap_mask`.

    Returns
    -------
    ndarray of bool, shape (n_clips, n_longest)
        False in the padding.
    """
    masks = np.zeros((len(n_frames), n_longest), np.bool_)
    for row, n, seed in zip(masks, n_frames, seeds, strict=True):
        row[:n] = gap_mask(int(n), np.random.default_rng(int(seed)), gap=gap, proportion=proportion)
    return masks
