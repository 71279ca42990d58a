"""The axis of the layers: their names, or their numbers where there are many."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from heschl.report.layer_lines import NAMED
from heschl.report.style import MAX_NARROW, shown

#: Names of up to this many letters need not be turned.
_SHORT = 4


def name_layers(ax: Axes, layers: Sequence[str], width: float) -> None:
    """Write the layers under an axis; ``width`` is that of the figure, in inches."""
    ax.set_xlim(-0.5, len(layers) - 0.5)
    names = [shown(layer, 14) for layer in layers]
    if max(len(name) for name in names) <= _SHORT and len(layers) <= NAMED:
        ax.set_xticks(range(len(layers)), names)
        ax.set_xlabel("layer")
    elif len(layers) <= NAMED and width > MAX_NARROW:
        ax.set_xticks(range(len(layers)), names, rotation=35, ha="right", fontsize=7.5)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        ax.set_xlabel("layer, from 0")


def numbered(place: int, layer: str) -> str:
    """Return a layer with its number: "layer 3: encoder.3", "layer 3" where that is its name."""
    return f"layer {place}" if layer == str(place) else f"layer {place}: {layer}"
