"""The arrays of responses: mapped into memory, not copied, and what is missing in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl.brain.mcdermott.reading import read_npy
from heschl.errors import InputError


def read_responses(path: Path, n_sounds: int, n_voxels: int) -> NDArray[Any]:
    """Map an array of responses into memory, read-only.

    Parameters
    ----------
    path : Path
        ``voxel_features_array.npy``.
    n_sounds, n_voxels : int
        As the tables say.

    Returns
    -------
    ndarray of float, shape (n_sounds, n_voxels, n_repeats)

    Raises
    ------
    InputError
        If it has another shape, or holds no numbers.
    """
    responses = read_npy(path, lazily=True)
    expected = (n_sounds, n_voxels)
    if responses.ndim != 3 or responses.shape[:2] != expected or not responses.shape[2]:
        raise InputError(
            f"{path}: responses have shape {responses.shape}, but there are {n_sounds} sounds and "
            f"{n_voxels} voxels in the tables; expected ({n_sounds}, {n_voxels}, n_repeats)"
        )
    if responses.dtype.kind != "f":
        raise InputError(f"{path}: responses of type {responses.dtype}; expected real numbers")
    return responses


def count_repeats(responses: NDArray[Any], ids: NDArray[np.int64], path: Path) -> NDArray[np.int64]:
    """Count how often each voxel was measured.

    Parameters
    ----------
    responses : ndarray of float, shape (n_sounds, n_voxels, n_repeats)
        nan where a repetition was not measured.
    ids : ndarray of int64, shape (n_voxels,)
    path : Path
        Of the responses, for messages.

    Returns
    -------
    ndarray of int64, shape (n_voxels,)

    Raises
    ------
    InputError
        If a repetition is missing for some sounds only.
    """
    n_missing = np.isnan(responses).sum(axis=0)
    partly = (n_missing > 0) & (n_missing < len(responses))
    if partly.any():
        voxel, repeat = np.argwhere(partly)[0]
        raise InputError(
            f"{path}: repetition {repeat} of voxel_id {ids[voxel]} is nan for "
            f"{n_missing[voxel, repeat]} of {len(responses)} sounds; expected a repetition to be "
            f"there for all sounds or for none ({int(partly.any(axis=1).sum())} such voxels)"
        )
    return np.asarray((n_missing == 0).sum(axis=1), np.int64)


def check_repeats(
    measured: NDArray[np.int64], listed: NDArray[np.int64], ids: NDArray[np.int64], path: Path
) -> None:
    """Refuse a table that lists another number of repetitions than were measured.

    Voxels without any response are missing, whatever the table lists.

    Parameters
    ----------
    measured, listed : ndarray of int64, shape (n_voxels,)
    ids : ndarray of int64, shape (n_voxels,)
    path : Path
        Of the responses, for messages.

    Raises
    ------
    InputError
        It names the first such voxel.
    """
    wrong = (measured != listed) & (measured > 0)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"{path}: voxel_id {ids[first]} has responses in {measured[first]} repetitions, but "
            f"n_reps is {listed[first]}; expected the same ({int(wrong.sum())} such voxels)"
        )
