"""Cross-validation folds: given ones are checked, missing ones are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError

N_FOLDS = 5
MIN_FOLDS = 3  # one to test, and two at least to choose layer and penalty within the rest
SEED = 0


def check_folds(folds: NDArray[np.int64], name: str) -> None:
    """Raise InputError unless folds, (n_sounds,), are 0 to k - 1, all of them used, k >= 3."""
    present = np.unique(folds)
    expected = f"expected whole numbers 0, 1, ..., k - 1 with k of at least {MIN_FOLDS}"
    if present[0] < 0:
        raise InputError(f"{name}: a fold is {present[0]}; {expected}")
    n_folds = int(present[-1]) + 1
    if n_folds != len(present):  # the numbers may be of any size: nothing is made of that length
        empty = int(np.argmax(present != np.arange(len(present))))
        raise InputError(
            f"{name}: folds go up to {n_folds - 1}, but no sound is in fold {empty}; {expected}"
        )
    if n_folds < MIN_FOLDS:
        raise InputError(f"{name}: {n_folds} folds; {expected}")


def stratified_folds(categories: Sequence[str | None], name: str) -> NDArray[np.int64]:
    """Draw `N_FOLDS` folds whose sizes, also within each category, differ by one at most.

    The sounds of one category after the other, each in an order drawn with seed 0, are dealt out
    to the folds in turn.

    Parameters
    ----------
    categories : sequence of str or None
        Of each sound; None is a category of its own.
    name : str
        Of the dataset, for the error message.

    Returns
    -------
    ndarray of int, shape (n_sounds,)

    Raises
    ------
    InputError
        If there are fewer sounds than folds.
    """
    if len(categories) < N_FOLDS:
        raise InputError(
            f"{name}: {len(categories)} sounds cannot be split into {N_FOLDS} folds; "
            "add sounds, or give folds of your own in sounds.csv"
        )
    rng = np.random.Generator(np.random.PCG64(SEED))
    members: dict[str | None, list[int]] = {}
    for i, category in enumerate(categories):
        members.setdefault(category, []).append(i)
    order = np.concatenate([rng.permutation(indices) for indices in members.values()])
    folds = np.empty(len(categories), np.int64)
    folds[order] = np.arange(len(categories)) % N_FOLDS
    return folds
