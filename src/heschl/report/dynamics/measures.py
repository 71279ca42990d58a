"""What was measured while the model was trained: datasets with their metrics, and their parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from heschl.report.dynamics.course import Course
from heschl.report.intervals import UNITS

_KEYS = ["dataset", "metric", "protocol", "unit"]
_METRICS = {"rsa": "similarity (RSA)"}

#: The target and the region that stand for all of them.
ALL, EVERYWHERE = "all", ""


@dataclass(frozen=True)
class Measure:
    """One analysis of one dataset, in one unit."""

    dataset: str
    metric: str
    protocol: str
    unit: str

    @property
    def title(self) -> str:
        """Dataset and metric, for a heading."""
        return f"{self.dataset}, {_METRICS.get(self.metric, self.metric)}"

    @property
    def subject(self) -> str:
        """What a value of it is, in a sentence."""
        if self.metric == "rsa":
            return f"similarity to {self.dataset} (RSA, {self.symbol})"
        return f"score on {self.dataset} ({self.metric}, {self.symbol})"

    @property
    def symbol(self) -> str:
        """The unit as it is written: ρ, r²."""
        return UNITS.get(self.unit, self.unit).partition(" (")[0]

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table that belong to it."""
        chosen = np.ones(len(table), bool)
        for name in _KEYS:
            chosen &= (table[name] == getattr(self, name)).to_numpy()
        return table[chosen]


def measures(course: Course) -> tuple[Measure, ...]:
    """Return what was measured, in order of appearance."""
    keys = course.mean[np.isfinite(course.mean["value"])][_KEYS]
    return tuple(
        Measure(*map(str, key)) for key in dict.fromkeys(keys.itertuples(index=False, name=None))
    )


def regions(course: Course, measure: Measure) -> tuple[str, ...]:
    """Return the regions of the auditory cortex it was measured in, in order of appearance."""
    mine = measure.of(course.mean)
    names = dict.fromkeys(mine.loc[mine["target"] == ALL, "region"])
    return tuple(name for name in names if name != EVERYWHERE)


def targets(course: Course, measure: Measure) -> tuple[str, ...]:
    """Return the components or listeners that it was measured for, in order of appearance."""
    mine = measure.of(course.mean)
    names = dict.fromkeys(mine.loc[mine["region"] == EVERYWHERE, "target"])
    return tuple(name for name in names if name != ALL)


def part(table: pd.DataFrame, region: str, target: str) -> pd.DataFrame:
    """Return the rows of one region and one target."""
    return table[(table["region"] == region) & (table["target"] == target)]
