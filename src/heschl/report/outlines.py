"""Borders of regions on a flat map."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.report.palette import color
from heschl.report.style import shown

FloatArray = NDArray[np.float64]

#: Share of the spacing by which positions may lie beside the grid.
OFF_GRID = 0.1
#: From the middle of a cell to its neighbour, and the two corners of the side between them.
_SIDES = (
    ((1, 0), ((0.5, -0.5), (0.5, 0.5))),
    ((-1, 0), ((-0.5, -0.5), (-0.5, 0.5))),
    ((0, 1), ((-0.5, 0.5), (0.5, 0.5))),
    ((0, -1), ((-0.5, -0.5), (0.5, -0.5))),
)


def region_positions(places: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """Region of every position: that of most of the targets there, the first of equals.

    Parameters
    ----------
    places : DataFrame
        ``side``, ``x`` and ``y`` of each target.
    targets : DataFrame
        With ``region``; missing for targets outside of all.

    Returns
    -------
    DataFrame
        Columns ``side``, ``x``, ``y``, ``region``; positions without a region are left out.

    Raises
    ------
    InputError
        If no target has a region, or positions are not on a grid.
    """
    if "region" not in targets or targets["region"].isna().all():
        raise InputError("no target has a region; outlines need the region of some of them")
    table = places.assign(region=targets["region"].to_numpy(object)).dropna()
    place = ["side", "x", "y"]
    counts = table.groupby([*place, "region"], sort=False).size().reset_index(name="n")
    most = counts.sort_values("n", ascending=False, kind="stable").drop_duplicates(place)
    for _, here in most.groupby("side"):
        cells_of(here[["x", "y"]].to_numpy(np.float64))
    return most.drop(columns="n").sort_values(place).reset_index(drop=True)


def cells_of(xy: FloatArray) -> tuple[NDArray[np.int64], FloatArray, float]:
    """Row and column of every position on its grid.

    Parameters
    ----------
    xy : ndarray, shape (n_positions, 2)
        In mm, to a hundredth.

    Returns
    -------
    cells : ndarray of int, shape (n_positions, 2)
    origin : ndarray, shape (2,)
        Position of cell (0, 0), in mm.
    step : float
        Side of a cell, in mm.

    Raises
    ------
    InputError
        If positions are not on a square grid.
    """
    gaps = np.concatenate([np.diff(np.unique(axis)) for axis in xy.T])
    step = float(gaps.min()) if gaps.size else 2.0
    origin = xy.min(axis=0)
    cells = np.rint((xy - origin) / step)
    off = np.abs(origin + cells * step - xy).max()
    if off > OFF_GRID * step or len(np.unique(cells, axis=0)) < len(xy):
        raise InputError(
            f"positions are not on a square grid: coordinates are as little as {step:g} mm apart, "
            f"and some lie {off:g} mm beside such a grid; expected a grid, or a map without "
            "outlines"
        )
    return cells.astype(np.int64), origin, step


def border(cells: NDArray[np.int64]) -> FloatArray:
    """Sides of cells that have no neighbour there.

    Parameters
    ----------
    cells : ndarray of int, shape (n_cells, 2)

    Returns
    -------
    ndarray, shape (n_sides, 2, 2)
        Both ends of each side; cell (0, 0) reaches from -0.5 to 0.5.
    """
    taken = set(map(tuple, cells.tolist()))
    sides = [
        [(i + x, j + y) for x, y in corners]
        for i, j in sorted(taken)
        for (di, dj), corners in _SIDES
        if (i + di, j + dj) not in taken
    ]
    return np.array(sides, np.float64).reshape(-1, 2, 2)


def draw_outlines(ax: Axes, positions: pd.DataFrame, *, narrow: bool) -> None:
    """Draw the border and the name of each region of one hemisphere.

    Parameters
    ----------
    ax : Axes
    positions : DataFrame
        See `region_positions`.
    narrow : bool
        Whether names have to be small.
    """
    if positions.empty:
        return
    cells, origin, step = cells_of(positions[["x", "y"]].to_numpy(np.float64))
    regions = positions["region"].to_numpy(object)
    for name in sorted(set(regions), key=str):
        mine = cells[regions == name]
        lines = origin + step * border(mine)
        # a light line under a dark one (or the other way round): seen on every colour
        for paint, width in (("paper", 2.6), ("ink", 1.1)):
            line = LineCollection(list(lines), colors=color(paint), linewidths=width)
            line.set_capstyle("round")
            ax.add_collection(line)
        x, y = origin + step * mine[_middle(mine)]
        ax.text(
            x, y, shown(str(name), 14), ha="center", va="center", fontsize=6.5 if narrow else 8,
            bbox={"facecolor": color("paper"), "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
        )  # fmt: skip


def _middle(cells: NDArray[np.int64]) -> int:
    """Index of the cell that is nearest to the middle of all: names stand inside bent regions."""
    return int(np.argmin(((cells - cells.mean(axis=0)) ** 2).sum(axis=1)))
