"""Flat maps: a value of every voxel over the published coordinates of the cortex."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from heschl.errors import InputError
from heschl.report.outlines import draw_outlines, region_positions
from heschl.report.scales import COLORS, name_scale, scale
from heschl.report.style import MAX_NARROW, WIDE, shown, style

FloatArray = NDArray[np.float64]

#: Pairs of columns of a table of targets that hold coordinates in mm.
COORDINATES = (("x_ras", "y_ras"), ("x", "y"))
HEMISPHERES = {"lh": "left hemisphere", "rh": "right hemisphere"}
#: How hemispheres are named -> how they are here.
SIDES = {"left": "lh", "right": "rh", "lh": "lh", "rh": "rh"}
_PLACE = ["side", "x", "y"]


def coordinates(targets: pd.DataFrame) -> tuple[str, str] | None:
    """Return the names of the columns that hold coordinates; None if there are none."""
    for pair in COORDINATES:
        if set(pair) <= set(targets.columns):
            return pair
    return None


def map_positions(values: FloatArray, targets: pd.DataFrame) -> pd.DataFrame:
    """Median over listeners at every position, of the median of each listener's targets there.

    Parameters
    ----------
    values : ndarray, shape (n_targets,)
        nan for targets left out.
    targets : DataFrame
        One row per target, with coordinates; ``hemisphere`` and ``listener`` where known.

    Returns
    -------
    DataFrame
        Columns ``side`` ("lh", "rh" or ""), ``x``, ``y`` (mm, to a hundredth), ``value``,
        ``n_listeners``. Positions without a value are left out.

    Raises
    ------
    InputError
        If there are no coordinates, not one value for each target, or a value is infinite.
    """
    values = np.asarray(values, np.float64)
    if values.shape != (len(targets),):
        raise InputError(
            f"values of shape {values.shape} for {len(targets)} targets; expected one for each"
        )
    if np.isinf(values).any():
        raise InputError("a value is infinite; expected finite numbers, or nan")
    listener = targets.get("listener", pd.Series(["all"] * len(targets), index=targets.index))
    table = places(targets).assign(listener=listener.astype(str).to_numpy(), value=values)
    table = table.dropna(subset=["x", "y", "value"])
    each = table.groupby([*_PLACE, "listener"], as_index=False)["value"].median()
    positions = each.groupby(_PLACE)["value"].agg(["median", "size"]).reset_index()
    return positions.rename(columns={"median": "value", "size": "n_listeners"})


def places(targets: pd.DataFrame) -> pd.DataFrame:
    """Return ``side`` ("lh", "rh" or ""), ``x`` and ``y`` (mm) of every target.

    Coordinates are taken to a hundredth of a mm: in single precision the same one may differ.

    Raises
    ------
    InputError
        If there are no coordinates.
    """
    pair = coordinates(targets)
    if pair is None:
        raise InputError(
            f"the table of targets has the columns {', '.join(map(str, targets.columns))}; a map "
            "needs coordinates in mm: x_ras and y_ras"
        )
    side = targets.get("hemisphere", pd.Series([""] * len(targets), index=targets.index))
    return pd.DataFrame(
        {
            "side": [SIDES.get(str(name).lower(), "") for name in side],
            "x": targets[pair[0]].to_numpy(np.float64).round(2) + 0.0,  # no minus zero
            "y": targets[pair[1]].to_numpy(np.float64).round(2) + 0.0,
        }
    )


def plot_maps(
    maps: Mapping[str, FloatArray],
    targets: pd.DataFrame,
    *,
    label: str,
    limits: tuple[float, float] | None = None,
    outlines: bool = False,
    width: float = WIDE,
) -> Figure:
    """Draw flat maps, one row for each (such as a model), one column for each hemisphere.

    A square for every position with a value, as large as the positions are apart.

    Parameters
    ----------
    maps : mapping of str to ndarray, shape (n_targets,)
        Values by the title of their row; all share one scale of colours.
    targets : DataFrame
        See `map_positions`.
    label : str
        What the values are, with the unit: beside the scale of colours.
    limits : tuple of float, optional
        Ends of the scale; by default 0 and the 99.5th percentile (of values below 0, the 0.5th).
        Arrows at the scale's ends say that there are values beyond.
    outlines : bool, optional
        Draw the border of each region, with its name: where the ``region`` of targets is known and
        their positions are a grid.
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there are no coordinates, no values, not one value for each target, or an infinite one;
        for outlines, if no regions are known or positions are not on a grid.
    UsageError
        If the limits are not in order.
    """
    tables = {title: map_positions(values, targets) for title, values in maps.items()}
    known = [table["value"] for table in tables.values() if len(table)]
    if not known:
        raise InputError("no target has both a value and coordinates; expected some")
    low, high, extend = scale(pd.concat(known).to_numpy(), limits)
    sides = sorted({side for table in tables.values() for side in table["side"]})
    regions = region_positions(places(targets), targets) if outlines else None
    narrow = width <= MAX_NARROW
    with style():
        shapes = [*tables.values(), *([] if regions is None else [regions])]
        panels = _Panels(pd.concat(shapes), sides, len(tables), width)
        figure = Figure(figsize=(width, panels.height), dpi=180, layout="constrained")
        axes = figure.subplots(panels.n_rows, panels.n_columns, squeeze=False)
        each = itertools.product(tables.items(), sides)
        for ax, ((title, table), side) in zip(axes.ravel(), each, strict=True):
            cells = _draw(ax, table[table["side"] == side], panels.spacing, (low, high))
            if regions is not None:
                draw_outlines(ax, regions[regions["side"] == side], narrow=narrow)
            panels.frame(ax, side)
            ax.set_title(_title(title, side, len(tables)))
        _name_axes(axes, coordinates(targets) or ("x", "y"))
        place = (
            {"location": "bottom"}
            if narrow
            else {"location": "right", "shrink": 1 / panels.n_rows, "anchor": (0.0, 1.0)}
        )
        bar = figure.colorbar(cells, ax=axes, extend=extend, aspect=30, **place)
        name_scale(bar, label)
        return figure


class _Panels:
    """How large panels are: the same mm an inch in all of them, next to each other or in a column.

    Parameters
    ----------
    positions : DataFrame
        All that is drawn: ``side``, ``x``, ``y``.
    sides : sequence of str
    n_maps : int
    width : float
        Of the figure, in inches.
    """

    def __init__(
        self, positions: pd.DataFrame, sides: Sequence[str], n_maps: int, width: float
    ) -> None:
        positions = positions[_PLACE].drop_duplicates()
        narrow = width <= MAX_NARROW
        self.n_columns = 1 if narrow else len(sides)
        self.n_rows = n_maps * len(sides) // self.n_columns
        by_side = positions.groupby("side")[["x", "y"]]
        least, most = by_side.min(), by_side.max()
        self._middle = (least + most) / 2
        #: size of a square in mm, the same in all panels
        self.spacing = min(
            spacing(positions.loc[positions["side"] == side, ["x", "y"]].to_numpy(np.float64))
            for side in sides
        )
        self._reach = ((most - least).max() / 2 + self.spacing).to_numpy(np.float64)
        panel = (width - (0.3 if narrow else 1.1)) / self.n_columns - 0.7
        in_height = float(panel * self._reach[1] / self._reach[0])
        self.height = self.n_rows * (in_height + 0.45) + (1.2 if narrow else 0.4)

    def frame(self, ax: Axes, side: str) -> None:
        """Set the limits of a panel."""
        x, y = self._middle.loc[side]
        ax.set_xlim(x - self._reach[0], x + self._reach[0])
        ax.set_ylim(y - self._reach[1], y + self._reach[1])


def _draw(
    ax: Axes, table: pd.DataFrame, size: float, limits: tuple[float, float]
) -> PolyCollection:
    xy = table[["x", "y"]].to_numpy(np.float64)
    corners = size / 2 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    cells = PolyCollection(
        list(xy[:, None] + corners),
        array=table["value"].to_numpy(np.float64),
        cmap=COLORS,
        linewidths=0,
        antialiaseds=False,
        rasterized=True,  # thousands of shapes would make a page heavy
    )
    cells.set_clim(*limits)
    ax.add_collection(cells)
    ax.set_aspect("equal")
    return cells


def spacing(xy: FloatArray) -> float:
    """Distance in mm at which most positions have their nearest neighbour; 2 for a single one."""
    if len(xy) < 2:
        return 2.0
    nearest, _ = cKDTree(xy).query(xy, k=[2])
    return float(np.median(nearest))


def _title(title: str, side: str, n_rows: int) -> str:
    parts = [shown(title, 24)] if n_rows > 1 or not side else []
    return ", ".join([*parts, *([HEMISPHERES[side]] if side else [])])


def _name_axes(axes: NDArray[np.object_], pair: Sequence[str]) -> None:
    for ax in axes[-1]:
        ax.set_xlabel(f"{pair[0]} (mm)")
    for ax in axes[:, 0]:
        ax.set_ylabel(f"{pair[1]} (mm)")
