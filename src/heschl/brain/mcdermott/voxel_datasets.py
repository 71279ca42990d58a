"""The two voxel datasets, NH2015 and B2021."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.brain.dataset import BrainDataset
from heschl.brain.mcdermott.fetching import installed
from heschl.brain.mcdermott.manifest import check_unaltered, source, stored_path
from heschl.brain.mcdermott.reading import check_names, folds, read_mat, read_sounds
from heschl.brain.mcdermott.release import (
    B2021,
    B2021_REGIONS,
    B2021_RESPONSES,
    B2021_STIMULI,
    B2021_VOXELS,
    BOEBINGER,
    FOLDS,
    LICENCE,
    N_SOUNDS,
    NH2015,
    NH2015_REGIONS,
    NH2015_RESPONSES,
    NH2015_VOXELS,
    NORMAN_HAIGNERE,
    TUCKUTE,
)
from heschl.brain.mcdermott.responses import check_repeats, count_repeats, read_responses
from heschl.brain.mcdermott.voxels import (
    Voxels,
    check_agreement,
    read_regions,
    read_voxel_ids,
    read_voxels,
    rows_of,
)
from heschl.errors import InputError

NH2015_CITATION = f"{TUCKUTE}. Responses: {NORMAN_HAIGNERE}. {FOLDS}"
B2021_CITATION = f"{TUCKUTE}. Responses: {BOEBINGER}. {FOLDS}"

#: Sounds of B2021 that NH2015 does not have.
N_EXTRA = 27


def load_nh2015() -> BrainDataset:
    """Load NH2015; what is not on this machine is downloaded first.

    Returns
    -------
    BrainDataset
        165 sounds in the order of the fMRI releases; responses (165, n_voxels, 3), read from disk
        when they are used. The third repetition of listeners who were scanned twice is nan, so
        that they drop out of means over repetitions. Targets have ``target``, ``listener``,
        ``region`` (None outside of the four, and for voxels with less than all repetitions, of
        which the release gives none), ``hemisphere``, ``x_ras`` and ``y_ras`` in mm, and
        ``n_repeats``, the number of repetitions measured.

    Raises
    ------
    FetchError
        If something is missing and cannot be downloaded.
    DamagedEntryError
        If a table was altered since it was fetched.
    InputError
        If the tables contradict each other; the voxels are named.
    """
    manifest = installed(NH2015)
    check_unaltered(manifest, NH2015)
    sounds = read_sounds()
    voxels, listed = read_voxels(stored_path(NH2015_VOXELS))
    path = stored_path(NH2015_RESPONSES)
    responses = read_responses(path, N_SOUNDS, len(voxels.ids))
    measured = count_repeats(responses, voxels.ids, path)
    check_repeats(measured, listed, voxels.ids, path)
    regions, labels = read_regions(stored_path(NH2015_REGIONS))
    rows = rows_of(voxels.ids, listed == responses.shape[2], regions)
    check_agreement(voxels, regions, rows)
    region = np.full(len(voxels.ids), None, object)
    region[rows >= 0] = labels[rows[rows >= 0]]
    return BrainDataset(
        name=NH2015,
        kind="voxels",
        sounds=sounds,
        responses=responses,
        targets=_targets(NH2015, voxels, region, measured),
        folds=folds(),
        citation=NH2015_CITATION,
        licence=LICENCE,
        source=source(manifest, NH2015),
    )


def load_b2021() -> BrainDataset:
    """Load B2021; what is not on this machine is downloaded first.

    Returns
    -------
    BrainDataset
        The 165 sounds that it shares with NH2015, in the same order; responses (165, n_voxels, 3),
        read from disk when they are used; targets as in `load_nh2015`. For the other 27 sounds see
        `load_b2021_extra`.

    Raises
    ------
    FetchError, DamagedEntryError, InputError
        As `load_nh2015`.
    """
    manifest = installed(B2021)
    check_unaltered(manifest, B2021)
    sounds = read_sounds()
    _b2021_names()
    ids = read_voxel_ids(stored_path(B2021_VOXELS))
    path = stored_path(B2021_RESPONSES)
    responses = read_responses(path, N_SOUNDS + N_EXTRA, len(ids))[:N_SOUNDS]
    regions, labels = read_regions(stored_path(B2021_REGIONS))
    rows = rows_of(ids, np.ones(len(ids), bool), regions)
    return BrainDataset(
        name=B2021,
        kind="voxels",
        sounds=sounds,
        responses=responses,
        targets=_targets(
            B2021, regions.at(rows), labels[rows], count_repeats(responses, ids, path)
        ),
        folds=folds(),
        citation=B2021_CITATION,
        licence=LICENCE,
        source=source(manifest, B2021),
    )


@dataclass(frozen=True)
class ExtraSounds:
    """The sounds of B2021 that are not among the 165; the release has no files of them.

    Attributes
    ----------
    names : tuple of str, (27,)
    responses : ndarray of float64, shape (27, n_targets, n_repeats)
        Targets as in the dataset ``b2021``; read from disk when they are used.
    """

    names: tuple[str, ...]
    responses: NDArray[np.float64] = field(repr=False)


def load_b2021_extra() -> ExtraSounds:
    """Load the responses to the 27 sounds that B2021 has beyond the 165.

    Returns
    -------
    ExtraSounds

    Raises
    ------
    FetchError, DamagedEntryError, InputError
        As `load_nh2015`.
    """
    check_unaltered(installed(B2021), B2021)
    names = _b2021_names()
    ids = read_voxel_ids(stored_path(B2021_VOXELS))
    path = stored_path(B2021_RESPONSES)
    responses = read_responses(path, len(names), len(ids))[N_SOUNDS:]
    return ExtraSounds(names[N_SOUNDS:], np.asarray(responses, np.float64))


def _b2021_names() -> tuple[str, ...]:
    """Return the names of the 192 sounds; the first 165 are those of NH2015, in order."""
    path = stored_path(B2021_STIMULI)
    info = read_mat(path).get("stim_info")
    if not isinstance(info, dict) or "stim_names" not in info:
        raise InputError(f"{path}: has no structure stim_info with stim_names")
    names = tuple(map(str, np.ravel(info["stim_names"])))
    if len(set(names)) != N_SOUNDS + N_EXTRA:
        raise InputError(
            f"{path}: {len(names)} sounds, {len(set(names))} of them different; expected "
            f"{N_SOUNDS + N_EXTRA}"
        )
    check_names(names[:N_SOUNDS], path)
    return names


def _targets(
    name: str, voxels: Voxels, region: NDArray[np.object_], n_repeats: NDArray[np.int64]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "target": [f"{name}-{voxel:05d}" for voxel in voxels.ids],
            "listener": [f"s{listener}" for listener in voxels.listeners],
            "region": pd.Series(region, dtype=object),
            "hemisphere": list(map(str, voxels.hemispheres)),
            "x_ras": voxels.x_ras,
            "y_ras": voxels.y_ras,
            "n_repeats": n_repeats,
        }
    )
