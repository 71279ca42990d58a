"""The six components of NH2015, as this release has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.brain.dataset import BrainDataset
from heschl.brain.mcdermott.fetching import installed
from heschl.brain.mcdermott.manifest import check_unaltered, source, stored_path
from heschl.brain.mcdermott.reading import folds, read_mat, read_sounds, sound_names
from heschl.brain.mcdermott.release import (
    COMPONENTS,
    COMPONENTS_MAT,
    FOLDS,
    LICENCE,
    NORMAN_HAIGNERE,
    TUCKUTE,
)
from heschl.brain.natsound165 import LABELS, PUBLISHED
from heschl.errors import InputError

CITATION = f"{NORMAN_HAIGNERE}. Release: {TUCKUTE}. {FOLDS}"


def load_components() -> BrainDataset:
    """Load the components; what is not on this machine is downloaded first.

    Returns
    -------
    BrainDataset
        165 sounds in the order of the fMRI releases, six components with one estimate each, (165,
        6, 1), in arbitrary units. The rows of the published matrix have another order: names put
        them in place.

    Raises
    ------
    FetchError
        If something is missing and cannot be downloaded.
    DamagedEntryError
        If a table was altered since it was fetched.
    InputError
        If the release lists other sounds or components, or its matrix has another shape.
    """
    manifest = installed(COMPONENTS)
    check_unaltered(manifest, COMPONENTS)
    sounds = read_sounds()
    path = stored_path(COMPONENTS_MAT)
    content = read_mat(path)
    targets = _targets(content, path)
    listed = _texts(content, "stim_names", path)
    responses = _numbers(content, "R", (len(listed), len(targets)), path)
    return BrainDataset(
        name=COMPONENTS,
        kind="components",
        sounds=sounds,
        responses=responses[_rows(listed, path)][:, :, np.newaxis],
        targets=pd.DataFrame({"target": targets, "label": [LABELS[name] for name in targets]}),
        folds=folds(),
        citation=CITATION,
        licence=LICENCE,
        published=PUBLISHED,
        source=source(manifest, COMPONENTS),
    )


def load_component_weights() -> NDArray[np.float64]:
    """Load the published weights of the components in each voxel.

    Returns
    -------
    ndarray of float64, shape (6, n_voxels)
        ``W`` of ``components.mat``: rows in the order of the targets of `load_components`, columns
        in the order of that file, which names no voxels.

    Raises
    ------
    FetchError, DamagedEntryError, InputError
        As `load_components`.
    """
    check_unaltered(installed(COMPONENTS), COMPONENTS)
    path = stored_path(COMPONENTS_MAT)
    content = read_mat(path)
    return _numbers(content, "W", (len(_targets(content, path)), None), path)


def _targets(content: dict[str, Any], path: Path) -> list[str]:
    targets = _texts(content, "component_names", path)
    if sorted(targets) != sorted(LABELS):
        raise InputError(
            f"{path}: its components are {', '.join(targets[:10])}; expected {', '.join(LABELS)}"
        )
    return targets


def _texts(content: dict[str, Any], key: str, path: Path) -> list[str]:
    if key not in content:
        raise InputError(f"{path}: has no {key}; expected that of the published file")
    return [str(text) for text in np.ravel(content[key])]


def _numbers(
    content: dict[str, Any], key: str, shape: tuple[int, int | None], path: Path
) -> NDArray[np.float64]:
    found = np.asarray(content.get(key, np.nan))
    good = found.ndim == 2 and all(
        wanted in (None, n) for n, wanted in zip(found.shape, shape, strict=True)
    )
    if not good or found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        expected = tuple("any" if n is None else n for n in shape)
        raise InputError(
            f"{path}: {key} has shape {found.shape} and type {found.dtype}; expected finite "
            f"numbers of shape {expected}"
        )
    return found.astype(np.float64)


def _rows(listed: list[str], path: Path) -> list[int]:
    """Return where each of the 165 sounds stands in the file."""
    names = sound_names()
    if sorted(listed) != sorted(names):
        odd = sorted(set(listed) ^ set(names)) or ["a sound twice"]
        raise InputError(
            f"{path}: its {len(listed)} sounds are not the {len(names)} published ones: "
            f"{', '.join(odd[:5])}"
        )
    return [listed.index(name) for name in names]
