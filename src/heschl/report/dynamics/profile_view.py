"""What the stepped view draws: for each region, all layers at each step, for its script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from heschl.report.drawings import Drawing, Sketch
from heschl.report.dynamics.depth_colors import draw_layers
from heschl.report.dynamics.layer_grid import LayerGrid
from heschl.report.dynamics.profile_figure import plot_profile
from heschl.report.dynamics.texts import value_text
from heschl.report.site.numbers import rounded


@dataclass(frozen=True)
class ProfileView:
    """The stepped view of layers by steps.

    Attributes
    ----------
    choices : tuple of str
        Measures and regions that can be chosen; the first is shown.
    last : int
        Place of the last step of the first choice, where the slider begins.
    drawing : Drawing
        Its last step, shown where there is no script.
    data : dict
        For the script, JSON-ready.
    """

    choices: tuple[str, ...]
    last: int
    drawing: Drawing
    data: dict[str, Any]


def profile_view(grids: Sequence[LayerGrid], layers: Sequence[str]) -> ProfileView:
    """Collect the stepped view of grids, not empty; ``layers`` are all layers, for the colours."""
    first = grids[0]
    final = first.values[:, -1]
    best = int(np.nanargmax(final)) if np.isfinite(final).any() else 0
    label = (
        f"Value of each layer at step {first.steps[-1]:,}, {first.measure.title}; the largest is "
        f"that of {first.layers[best]}: {value_text(final[best])}."
    )
    sketch = Sketch("", "", label, "profile", partial(plot_profile, first))
    choices = tuple(f"{grid.measure.title}: {grid.place}" for grid in grids)
    return ProfileView(
        choices,
        len(first.steps) - 1,
        draw_layers(sketch, len(layers)),
        {
            "views": [
                {
                    "label": choice,
                    "symbol": grid.measure.symbol,
                    "layers": list(grid.layers),
                    "depths": [list(layers).index(layer) for layer in grid.layers],
                    "steps": list(grid.steps),
                    "values": [[rounded(float(v)) for v in column] for column in grid.values.T],
                }
                for choice, grid in zip(choices, grids, strict=True)
            ]
        },
    )
