"""What every analysis asks of folds and of resamples before it begins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError


def check_folds(folds: NDArray[np.integer], n_sounds: int) -> None:
    """Raise InputError unless folds are labels 0 to k - 1, all used, one for each sound."""
    if folds.shape != (n_sounds,) or not np.issubdtype(folds.dtype, np.integer):
        raise InputError(
            f"folds have shape {folds.shape} and type {folds.dtype}; expected a whole number for "
            f"each of {n_sounds} sounds"
        )
    used = np.unique(folds)
    if not used.size:
        raise InputError("there are folds of 0 sounds; expected at least one sound")
    if used[0] < 0:
        raise InputError(f"a fold is labelled {used[0]}; expected labels from 0 on")
    empty = np.flatnonzero(used != np.arange(used.size))
    if empty.size:
        raise InputError(
            f"fold {empty[0]} is empty: no sound has that label, though labels go up to "
            f"{used[-1]}; expected every fold from 0 on to hold sounds"
        )


def checked_counts(counts: NDArray[np.integer], n_units: int, what: str) -> NDArray[np.int64]:
    """Return counts (n_samples, n_units); raise InputError unless they are counts of that shape."""
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[1] != n_units:
        raise InputError(
            f"counts of shape {counts.shape}; expected (n_samples, {n_units}): how often each of "
            f"{n_units} {what} was drawn"
        )
    if not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
        smallest = f", the smallest {counts.min()}" if counts.size else ""
        raise InputError(
            f"counts of type {counts.dtype}{smallest}; expected whole numbers from 0 on: how often "
            f"each of {n_units} {what} was drawn"
        )
    return counts.astype(np.int64)
