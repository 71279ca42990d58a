"""Values of all layers at all steps, of one measure in one region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heschl.report.dynamics.course import Course
from heschl.report.dynamics.measures import ALL, Measure, part, regions

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LayerGrid:
    """Layers by steps.

    Attributes
    ----------
    measure : Measure
    region : str
        "" for all of auditory cortex.
    layers : tuple of str
        In order of execution.
    steps : tuple of int
    values : ndarray, shape (n_layers, n_steps)
        nan where a value is missing.
    """

    measure: Measure
    region: str
    layers: tuple[str, ...]
    steps: tuple[int, ...]
    values: FloatArray

    @property
    def place(self) -> str:
        """Where it was measured, in words."""
        return self.region or "all of auditory cortex"


def layer_grids(course: Course, measure: Measure) -> tuple[LayerGrid, ...]:
    """Return the grid of the whole and of each region, as far as layers were measured there."""
    found = []
    for region in ("", *regions(course, measure)):
        rows = part(measure.of(course.mean), region, ALL)
        rows = rows[(rows["layer"] != "") & np.isfinite(rows["value"])]
        if rows.empty:
            continue
        table = rows.pivot_table(index="layer", columns="step", values="value", sort=False)
        layers = tuple(layer for layer in course.layers if layer in table.index)
        steps = sorted(table.columns)
        values = table.loc[list(layers), steps].to_numpy(np.float64)
        found.append(LayerGrid(measure, region, layers, tuple(int(s) for s in steps), values))
    return tuple(found)
