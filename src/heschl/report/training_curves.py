"""How the configurations of a probe's grid did while they were trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from heschl.errors import InputError
from heschl.report.palette import CATEGORIES, category_color, color
from heschl.report.style import MAX_NARROW, WIDE, add_legend, mark, style
from heschl.report.task_selection import UNITS
from heschl.results import ProbeDetail

_DASHES = ("-", "--", "-.", ":")
_MARKS = ("o", "s", "^", "D", "v")
#: What tells the values of a setting apart, the setting of most values first, and how many it can.
_LOOKS = ({"color": len(CATEGORIES)}, {"linestyle": len(_DASHES)}, {"marker": len(_MARKS)})


def plot_training(detail: ProbeDetail, *, width: float = WIDE) -> Figure:
    """Draw the validation score of every configuration over the epochs of the first round.

    The chosen configuration is a thick line; the mark on each line is its best epoch. What the
    configurations set is told by colour, dashes and the shape of the mark.

    Parameters
    ----------
    detail : ProbeDetail
        Of a protocol that trains in epochs.
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If nothing was trained in epochs.
    """
    if not trained_in_epochs(detail):
        raise InputError(
            f"{detail.model} on {detail.dataset}, {detail.protocol}: nothing was trained in "
            "epochs, so there is nothing to draw; expected a protocol such as pepino2025"
        )
    with style():
        handles, labels = _legend(detail)
        # On a phone the legend is one column; it must not take the place of the lines.
        n_rows = len(labels) if width <= MAX_NARROW else -(-len(labels) // 2)
        figure = Figure(figsize=(width, 3.0 + 0.175 * n_rows), layout="constrained")
        ax = figure.subplots()
        _draw_curves(ax, detail)
        ax.set_xlabel("epoch")
        unit = detail.units[0]
        ax.set_ylabel(f"validation {UNITS.get(unit, unit)}")
        ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        ax.grid(axis="y")
        add_legend(figure, handles, labels, width)
        return figure


def trained_in_epochs(detail: ProbeDetail) -> bool:
    """Whether there are curves to draw."""
    return detail.curves.ndim == 2 and bool(np.isfinite(detail.curves).any())


def settings(configurations: pd.DataFrame) -> list[str]:
    """Names of what differs between the configurations, that of most values first."""
    names = [str(name) for name in configurations.columns if name != "valid_score"]
    counts = {name: len(_values(configurations, name)) for name in names}
    return sorted((name for name in names if counts[name] > 1), key=lambda name: -counts[name])


def chosen(detail: ProbeDetail) -> int:
    """Return the row of the configuration that was chosen."""
    return int(detail.rounds["configuration"].iloc[0])


def told(detail: ProbeDetail, row: int) -> str:
    """Return what a configuration sets, in words."""
    one = detail.configurations.iloc[row]
    return ", ".join(f"{_words(name)} {_text(one[name])}" for name in one.index if _is_set(name))


def _is_set(name: object) -> bool:
    return name != "valid_score"


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return " + ".join(_text(item) for item in value)
    return str(value)


def _values(configurations: pd.DataFrame, name: str) -> list[str]:
    """Values of a setting as text, in order of appearance."""
    return list(dict.fromkeys(_text(value) for value in configurations[name]))


def _looks(configurations: pd.DataFrame) -> list[tuple[str, str, list[str]]]:
    """Return which look tells which setting: (look, setting, its values)."""
    found = []
    for look, name in zip(_LOOKS, settings(configurations), strict=False):
        ((kind, most),) = look.items()
        values = _values(configurations, name)
        if len(values) <= most:
            found.append((kind, name, values))
    return found


def _look(kind: str, index: int) -> str:
    if kind == "color":
        return color(category_color(index))
    return _DASHES[index] if kind == "linestyle" else _MARKS[index]


def _draw_curves(ax: Axes, detail: ProbeDetail) -> None:
    looks = _looks(detail.configurations)
    best = chosen(detail)
    # The chosen one comes last: it lies above the others.
    order = [row for row in range(len(detail.curves)) if row != best] + [best]
    for row in order:
        curve = detail.curves[row]
        if not np.isfinite(curve).any():
            continue
        look: dict[str, Any] = {"color": color("muted"), "linestyle": "-", "marker": "o"}
        for kind, name, values in looks:
            value = _text(detail.configurations[name].iloc[row])
            look[kind] = _look(kind, values.index(value))
        if row == best:
            look |= {"color": color("ink")}
        marker = look.pop("marker")
        n_epochs = int(np.flatnonzero(np.isfinite(curve))[-1]) + 1
        epochs = np.arange(1, n_epochs + 1)
        bold = row == best
        ax.plot(
            epochs, curve[:n_epochs], **look, linewidth=2.3 if bold else 0.9,
            alpha=1.0 if bold else 0.75,
        )  # fmt: skip
        top = _kept(detail) if bold else int(np.nanargmax(curve))
        ax.plot([top + 1], [curve[top]], marker, color=look["color"], markersize=7 if bold else 3.5)


def _kept(detail: ProbeDetail) -> int:
    """Return the epoch of the first round that was kept, from 0."""
    epoch = detail.rounds["epoch"].iloc[0]
    return int(np.nanargmax(detail.curves[chosen(detail)])) if pd.isna(epoch) else int(epoch) - 1


def _legend(detail: ProbeDetail) -> tuple[list[Artist], list[str]]:
    looks = _looks(detail.configurations)
    one = detail.configurations.iloc[chosen(detail)]
    values = ", ".join(_text(one[name]) for name in settings(detail.configurations))
    handles: list[Artist] = [Line2D([], [], color=color("ink"), linewidth=2.3)]
    labels = [f"chosen: {values}" if values else "chosen"]
    for kind, name, options in looks:
        more_handles, more_labels = _entries(kind, name, options)
        handles += more_handles
        labels += more_labels
    return handles, labels


def _entries(kind: str, name: str, options: Sequence[str]) -> tuple[list[Artist], list[str]]:
    handles: list[Artist] = []
    for i in range(len(options)):
        look = _look(kind, i)
        if kind == "marker":
            handles.append(mark(look, color("muted"), size=4))
        elif kind == "color":
            handles.append(Line2D([], [], color=look, linewidth=1.5))
        else:
            handles.append(Line2D([], [], color=color("muted"), linewidth=1.2))
            handles[-1].set(linestyle=look)
    return handles, [f"{_words(name)} {option}" for option in options]
