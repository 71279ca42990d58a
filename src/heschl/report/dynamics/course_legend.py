"""The legend of figures over steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from heschl.report.dynamics.depth_colors import depth_colors
from heschl.report.dynamics.layer_axis import numbered
from heschl.report.dynamics.loss_drawing import part_color
from heschl.report.dynamics.losses import Losses
from heschl.report.dynamics.panels import Panel
from heschl.report.dynamics.reference_lines import levels, other_models
from heschl.report.palette import color

#: Layers that the legend names at most, from the first to the last.
_NAMED = 5


def legend(
    panels: Sequence[Panel], layers: Sequence[str], losses: Losses | None, *, levels_too: bool
) -> tuple[list[Artist], list[str]]:
    """Return handles and labels of what is drawn; ``levels_too``: also of the level lines."""
    several = any(one.runs for one in panels) or bool(losses and losses.runs)
    handles: list[Artist] = [Line2D([], [], color=color("ink"), linewidth=2.4)]
    labels = [_main(panels) + (", mean of the runs" if several else "")]
    if several:
        handles.append(Line2D([], [], color=color("ink"), linewidth=0.9, alpha=0.5))
        labels.append("each run")
    if any((one.main.low == one.main.low).any() for one in panels):
        handles.append(Patch(color=color("ink"), alpha=0.13, linewidth=0))
        labels.append("interval")
    if any(one.layers for one in panels):
        colors = depth_colors(len(layers))
        for i in _spaced(len(layers)):
            handles.append(Line2D([], [], color=colors[i], linewidth=1.6))
            labels.append(numbered(i, layers[i]))
    for i, curve in enumerate(losses.parts if losses else ()):
        handles.append(Line2D([], [], color=part_color(i), linewidth=1.3))
        labels.append(curve.label)
    for name, handle in _level_handles(panels) if levels_too else ():
        handles.append(handle)
        labels.append(name)
    return handles, labels


def _main(panels: Sequence[Panel]) -> str:
    if not panels:
        return "loss"
    return "score of the protocol" if panels[0].chosen else "best layer at each step"


def _level_handles(panels: Sequence[Panel]) -> Iterator[tuple[str, Line2D]]:
    others = other_models(panels)
    found = {level.name: level for one in panels for level in levels(one, others)}
    for name, level in found.items():
        yield name, Line2D([], [], color=level.paint, linestyle=level.dashes, linewidth=1.2)


def _spaced(count: int) -> list[int]:
    """Return up to `_NAMED` numbers below a count, evenly spaced, the first and last with them."""
    n = min(count, _NAMED)
    return sorted({round(i * (count - 1) / max(n - 1, 1)) for i in range(n)})
