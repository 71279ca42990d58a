"""A value of every target on the inflated cortical surface fsaverage5."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from heschl.errors import InputError, MissingDependencyError
from heschl.report.maps import HEMISPHERES, SIDES
from heschl.report.scales import COLORS, name_scale, scale
from heschl.report.style import style

FloatArray = NDArray[np.float64]

#: Vertices of each hemisphere of fsaverage5.
N_VERTICES = 10_242


def surface_texture(
    values: FloatArray, vertices: NDArray[np.integer], hemisphere: Sequence[str]
) -> dict[str, FloatArray]:
    """Mean of the values at every vertex.

    Parameters
    ----------
    values : ndarray, shape (n_targets,)
        nan for targets left out.
    vertices : ndarray of int, shape (n_targets,)
        Of fsaverage5, 0 to 10,241.
    hemisphere : sequence of str, shape (n_targets,)
        "left" or "lh", "right" or "rh".

    Returns
    -------
    dict of str to ndarray, shape (10242,)
        "left" and "right"; nan where there is no target.

    Raises
    ------
    InputError
        If lengths differ, a value is infinite, or a vertex or hemisphere does not exist.
    """
    values, vertices = np.asarray(values, np.float64), np.asarray(vertices)
    if not len(values) == len(vertices) == len(hemisphere):
        raise InputError(
            f"{len(values)} values, {len(vertices)} vertices, {len(hemisphere)} hemispheres; "
            "expected one of each for every target"
        )
    if np.isinf(values).any():
        raise InputError("a value is infinite; expected finite numbers, or nan")
    if not np.issubdtype(vertices.dtype, np.number):
        raise InputError(f"vertices are of type {vertices.dtype}; expected whole numbers")
    wrong = ~((vertices >= 0) & (vertices < N_VERTICES) & (vertices == np.floor(vertices)))
    if wrong.any():
        raise InputError(
            f"vertex {vertices[wrong][0]}: expected whole numbers from 0 to {N_VERTICES - 1}, the "
            "vertices of fsaverage5; leave out targets without one"
        )
    unknown = [name for name in hemisphere if str(name).lower() not in SIDES]
    if unknown:
        raise InputError(f"hemisphere {unknown[0]!r}: expected left, right, lh or rh")
    sides = np.array([SIDES[str(name).lower()] for name in hemisphere])
    out = {}
    for side in ("left", "right"):
        here = (sides == SIDES[side]) & ~np.isnan(values)
        index = vertices[here].astype(np.intp)
        total = np.bincount(index, values[here], N_VERTICES)
        count = np.bincount(index, minlength=N_VERTICES)
        out[side] = np.divide(total, count, out=np.full(N_VERTICES, np.nan), where=count > 0)
    return out


def plot_surface(
    values: FloatArray,
    vertices: NDArray[np.integer],
    hemisphere: Sequence[str],
    *,
    label: str,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Draw both hemispheres from the side, inflated, over their sulci (through nilearn).

    Parameters
    ----------
    values, vertices, hemisphere
        See ``surface_texture``.
    label : str
        What the values are, with the unit.
    limits : tuple of float, optional
        Ends of the scale of colours; see ``heschl.report.scales.scale``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there are no values, one is infinite, lengths differ, or a vertex or hemisphere does not
        exist.
    UsageError
        If the limits are not in order.
    MissingDependencyError
        If nilearn is not installed.
    """
    texture = surface_texture(values, vertices, hemisphere)
    known = np.concatenate([one[~np.isnan(one)] for one in texture.values()])
    if not known.size:
        raise InputError("no target has a value; expected some")
    low, high, extend = scale(known, limits)
    fetch, plot = _nilearn()
    mesh = fetch("fsaverage5")  # part of nilearn, nothing is downloaded
    with style():
        figure = Figure(figsize=(8.0, 3.1), dpi=150)
        for i, side in enumerate(("left", "right")):
            # larger than its half of the figure: three-dimensional axes have wide margins
            ax = figure.add_axes((0.45 * i - 0.035, -0.23, 0.5, 1.3), projection="3d")
            plot(
                mesh[f"infl_{side}"],
                texture[side],
                hemi=side,
                view="lateral",
                bg_map=mesh[f"sulc_{side}"],
                cmap=COLORS,
                vmin=low,
                vmax=high,
                colorbar=False,
                avg_method=_known_mean,
                axes=ax,
                figure=figure,
            )
            ax.patch.set_visible(False)  # or it would hide what is beside it
            for faces in ax.collections:
                faces.set_rasterized(True)  # 20,480 shapes
            figure.text(0.02 + 0.45 * i, 0.93, HEMISPHERES[SIDES[side]], weight="bold")
        colors = ScalarMappable(Normalize(low, high), cmap=COLORS)
        name_scale(
            figure.colorbar(colors, cax=figure.add_axes((0.92, 0.2, 0.013, 0.6)), extend=extend),
            label,
        )
        return figure


def _nilearn() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Import what is needed of nilearn: its meshes and its drawing of surfaces."""
    try:
        with warnings.catch_warnings():
            # where there is no display it says that it chose another backend for pyplot's windows
            warnings.filterwarnings("ignore", "Backend changed to", UserWarning)
            from nilearn.datasets import fetch_surf_fsaverage
            from nilearn.plotting import plot_surf_stat_map
    except ImportError as error:
        raise MissingDependencyError(
            "a map on the cortical surface needs nilearn, which is not installed: "
            'pip install "heschl[surface]"'
        ) from error
    return fetch_surf_fsaverage, plot_surf_stat_map


def _known_mean(corners: FloatArray) -> float:
    """Mean of the vertices of a face that have a value: single vertices stay visible."""
    known = corners[~np.isnan(corners)]
    return float(known.mean()) if known.size else float("nan")
