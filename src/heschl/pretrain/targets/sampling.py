"""A few of many frames, each as likely, without having them all at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def sample_frames(
    batches: Iterable[NDArray[np.float32]], n_most: int, *, seed: int
) -> tuple[NDArray[np.float32], int]:
    """Draw frames at random: all of them, in their order, if there are not more.

    A reservoir (Vitter's algorithm R): the memory is that of the frames that are returned.

    Parameters
    ----------
    batches : iterable of ndarray, shape (n_frames, n_features)
    n_most : int
        How many are kept.
    seed : int

    Returns
    -------
    ndarray of float32, shape (n_kept, n_features)
    int
        How many frames there were.
    """
    rng = np.random.default_rng(seed)
    kept, n_seen = np.empty((0, 0), np.float32), 0
    for frames in batches:
        if not n_seen:
            kept = np.empty((n_most, frames.shape[1]), np.float32)
        numbers = np.arange(n_seen, n_seen + len(frames))
        # frame i stays with probability n_most / (i + 1), in a place at random
        places = np.where(numbers < n_most, numbers, rng.integers(0, numbers + 1))
        stays = places < n_most
        kept[places[stays]] = frames[stays]  # of two for one place the later one stays
        n_seen += len(frames)
    return kept[:n_seen], n_seen
