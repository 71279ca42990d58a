"""Correlations over models, taken from the tables of `heschl.linking`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from heschl.linking import Linked

ALL_MODELS = "all models"
Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Correlation:
    """A row of ``Linked.correlations``; numbers are nan where they are not known."""

    n: int
    value: float
    low: float
    high: float
    p: float
    q: float

    @property
    def known(self) -> bool:
        """Whether it is defined."""
        return math.isfinite(self.value)

    @property
    def has_interval(self) -> bool:
        """Whether both ends of its interval are known."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def correlations_of(linked: Linked) -> dict[Key, Correlation]:
    """Return the correlations by task, brain measure, subset and kind, in their order."""
    table = linked.correlations
    keys = table[["task", "brain", "subset", "kind"]].astype(str)
    names = ["n", "value", "low", "high", "p", "q"]
    numbers = table[names].to_numpy(np.float64, na_value=np.nan)
    return {
        (task, brain, subset, kind): Correlation(int(n), *rest)
        for (task, brain, subset, kind), (n, *rest) in zip(
            keys.itertuples(index=False, name=None), numbers.tolist(), strict=True
        )
    }
