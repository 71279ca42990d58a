"""Parts of a dataset that get scores of their own: all of it, and each region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.brain import BrainDataset

#: The listener of targets whose listener is not known: one for all of them.
EVERYONE = "all"


@dataclass(frozen=True)
class Part:
    """Targets of one region, or all.

    Attributes
    ----------
    region : str or None
        None for all targets.
    targets : ndarray of int
    listeners : ndarray of str
        The listener of each of these targets.
    """

    region: str | None
    targets: NDArray[np.intp] = field(repr=False)
    listeners: NDArray[np.str_] = field(repr=False)


def listeners_of(data: BrainDataset) -> NDArray[np.str_]:
    """Return the listener of each target; the same for all where they are not known."""
    if "listener" not in data.targets.columns:
        return np.full(data.n_targets, EVERYONE)
    names = data.targets["listener"]
    return np.array([EVERYONE if pd.isna(name) else str(name) for name in names])


def parts(data: BrainDataset) -> Iterator[Part]:
    """Yield all targets, then those of each region where regions are known."""
    listeners = listeners_of(data)
    yield Part(None, np.arange(data.n_targets), listeners)
    if "region" not in data.targets.columns:
        return
    regions = data.targets["region"].astype(object)
    for region in sorted({str(name) for name in regions.dropna()}):
        mine = np.flatnonzero(
            (regions.astype(str) == region).to_numpy() & regions.notna().to_numpy()
        )
        yield Part(region, mine, listeners[mine])
