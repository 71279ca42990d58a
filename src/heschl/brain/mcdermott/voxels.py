"""The tables of voxels: who, where, how often measured; joined by voxel, never by position."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.brain.mcdermott.pickled_table import read_table
from heschl.brain.mcdermott.reading import as_text, field, read_npy
from heschl.errors import InputError

#: Anatomical regions of the release; voxels elsewhere have none.
REGIONS = ("Primary", "Lateral", "Posterior", "Anterior")
HEMISPHERES = ("lh", "rh")

#: Millimetres by which the same coordinate may differ between tables: rounding to float32.
_SAME_PLACE = 1e-3
_SHOWN = 5


@dataclass(frozen=True)
class Voxels:
    """One row per voxel.

    Attributes
    ----------
    ids : ndarray of int64, shape (n_targets,)
        Unique.
    listeners : ndarray of int64, shape (n_targets,)
        Number of the listener, as published.
    hemispheres : ndarray of str, shape (n_targets,)
        "lh" or "rh".
    x_ras, y_ras : ndarray of float64, shape (n_targets,)
        In mm, on the flattened surface.
    path : Path
        The table, for messages.
    """

    ids: NDArray[np.int64]
    listeners: NDArray[np.int64]
    hemispheres: NDArray[np.str_]
    x_ras: NDArray[np.float64]
    y_ras: NDArray[np.float64]
    path: Path

    def at(self, rows: NDArray[np.int64]) -> Voxels:
        """Return some of the voxels, in another order."""
        columns = {
            name: getattr(self, name)[rows]
            for name in ("ids", "listeners", "hemispheres", "x_ras", "y_ras")
        }
        return Voxels(**columns, path=self.path)


def read_regions(path: Path) -> tuple[Voxels, NDArray[np.object_]]:
    """Read ``df_roi_meta.pkl``: voxels, and the region of each, None where it has none.

    Raises
    ------
    InputError
        If the table is not as expected, or a voxel occurs twice.
    """
    numbers = ("voxel_id", "subj_idx", "x_ras", "y_ras")
    table = read_table(path, (*numbers, "hemi", "roi_label_general"))
    columns = {str(name): table[name].to_numpy() for name in table.columns}
    labels = np.array(
        [label if label in REGIONS else None for label in columns["roi_label_general"]], object
    )
    return _voxels(columns, path), labels


def read_voxels(path: Path) -> tuple[Voxels, NDArray[np.int64]]:
    """Read ``voxel_features_meta.npy`` of NH2015: voxels, and how often each was measured.

    Raises
    ------
    InputError
        If the table is not as expected, or a voxel occurs twice.
    """
    table = read_npy(path)
    names = ("voxel_id", "subj_idx", "x_ras", "y_ras", "hemi", "n_reps")
    columns = {name: field(table, name, path) for name in names}
    return _voxels(columns, path), _integers(columns["n_reps"], "n_reps", path)


def read_voxel_ids(path: Path) -> NDArray[np.int64]:
    """Read ``voxel_features_meta.npy`` of B2021, which holds nothing else, (n_targets,).

    Raises
    ------
    InputError
        If it is no list of numbers, or a voxel occurs twice.
    """
    table = read_npy(path)
    if table.dtype.names is not None:
        table = field(table, "voxel_id", path)
    return _ids(table, path)


def _voxels(columns: dict[str, NDArray[Any]], path: Path) -> Voxels:
    hemispheres = np.array([_text(label) for label in columns["hemi"]], np.str_)
    for place in np.flatnonzero(~np.isin(hemispheres, HEMISPHERES))[:1]:
        raise InputError(
            f"{path}: the hemisphere of row {place} is {str(hemispheres[place])!r}; expected "
            f"one of {HEMISPHERES}"
        )
    return Voxels(
        ids=_ids(columns["voxel_id"], path),
        listeners=_integers(columns["subj_idx"], "subj_idx", path),
        hemispheres=hemispheres,
        x_ras=_floats(columns["x_ras"], "x_ras", path),
        y_ras=_floats(columns["y_ras"], "y_ras", path),
        path=path,
    )


def _text(value: object) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def _ids(values: NDArray[Any], path: Path) -> NDArray[np.int64]:
    ids = _integers(values, "voxel_id", path)
    repeated = pd.Series(ids).duplicated().to_numpy()
    if repeated.any():
        raise InputError(
            f"{path}: voxel_id {_some(ids[repeated])} stands there twice; expected each voxel once"
        )
    return ids


def _integers(values: NDArray[Any], name: str, path: Path) -> NDArray[np.int64]:
    numbers = _floats(values, name, path)
    wrong = ~((numbers == np.floor(numbers)) & (numbers >= 0) & (numbers < 2**53))
    if wrong.any():
        raise InputError(
            f"{path}: {name} of row {int(np.argmax(wrong))} is {numbers[wrong][0]}; expected whole "
            "numbers from 0"
        )
    return numbers.astype(np.int64)


def _floats(values: NDArray[Any], name: str, path: Path) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(as_text(values, path), np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {name} holds what is no number ({error})") from error
    if numbers.ndim != 1:
        raise InputError(f"{path}: {name} has shape {numbers.shape}; expected one dimension")
    return numbers


def rows_of(
    ids: NDArray[np.int64], expected: NDArray[np.bool_], regions: Voxels
) -> NDArray[np.int64]:
    """Return, for each voxel, its row in the table of regions.

    Parameters
    ----------
    ids : ndarray of int64, shape (n_targets,)
        Of the responses.
    expected : ndarray of bool, shape (n_targets,)
        Which of them the table of regions has to have: these and no others.
    regions : Voxels

    Returns
    -------
    ndarray of int64, shape (n_targets,)
        -1 where it is not expected.

    Raises
    ------
    InputError
        If the table of regions has unknown voxels, or lacks one.
    """
    unknown = regions.ids[~np.isin(regions.ids, ids)]
    if len(unknown):
        raise InputError(
            f"{regions.path}: voxel_id {_some(unknown)} has no responses; expected only voxels of "
            "the responses"
        )
    rows = np.asarray(pd.Index(regions.ids).get_indexer(pd.Index(ids)), np.int64)
    if ((rows >= 0) != expected).any():
        odd = ids[(rows >= 0) != expected]
        raise InputError(
            f"{regions.path}: {len(regions.ids)} voxels; expected the {int(expected.sum())} with "
            f"all repetitions. voxel_id {_some(odd)} is only in one of the tables"
        )
    return rows


def check_agreement(voxels: Voxels, regions: Voxels, rows: NDArray[np.int64]) -> None:
    """Refuse tables that say different things about the same voxel.

    Parameters
    ----------
    voxels, regions : Voxels
    rows : ndarray of int64, shape (n_targets,)
        Of each voxel in ``regions``; -1 where it is not there.

    Raises
    ------
    InputError
        It names the column and the voxels.
    """
    here, there = np.flatnonzero(rows >= 0), rows[rows >= 0]
    for name in ("x_ras", "y_ras"):
        first, second = getattr(voxels, name)[here], getattr(regions, name)[there]
        same = np.isclose(first, second, rtol=0, atol=_SAME_PLACE, equal_nan=True)
        _check_same(same, name, voxels, regions, here)
    for name, first, second in (
        ("subj_idx", voxels.listeners, regions.listeners),
        ("hemi", voxels.hemispheres, regions.hemispheres),
    ):
        _check_same(first[here] == second[there], name, voxels, regions, here)


def _check_same(
    same: NDArray[np.bool_], name: str, voxels: Voxels, regions: Voxels, here: NDArray[np.int64]
) -> None:
    if not same.all():
        raise InputError(
            f"{regions.path}: {name} of voxel_id {_some(voxels.ids[here][~same])} differs from "
            f"that in {voxels.path.name}; expected the same in both tables"
        )


def _some(ids: NDArray[np.int64]) -> str:
    shown = ", ".join(map(str, ids[:_SHOWN].tolist()))
    return f"{shown} and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else shown
