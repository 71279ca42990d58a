"""The two published tables: responses in ``components.mat``, categories of the sounds in both."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl.brain.natsound165.release import (
    CATEGORIES,
    CATEGORIES_SHA256,
    COMMIT,
    COMPONENTS,
    COMPONENTS_SHA256,
    NAME,
    read_bytes,
)
from heschl.errors import DamagedEntryError, InputError

_SHOWN = 5


@dataclass(frozen=True)
class ReleasedComponents:
    """What is used of ``components.mat``.

    Attributes
    ----------
    responses : ndarray of float64, (165, 6)
        Arbitrary units; rows in the order of `names`, columns in that of `targets`.
    names : list of str
        Of the sounds.
    categories : list of str
        Of the sounds.
    targets : list of str
        The components.
    """

    responses: NDArray[np.float64]
    names: list[str]
    categories: list[str]
    targets: list[str]


def read_components(path: Path) -> ReleasedComponents:
    """Read ``components.mat``.

    Raises
    ------
    DamagedEntryError
        If it is not as published.
    """
    from scipy.io import loadmat  # here: takes long to import

    _read_stored(path, COMPONENTS_SHA256)
    content: dict[str, Any] = loadmat(path, simplify_cells=True)
    return ReleasedComponents(
        responses=np.asarray(content["R"], np.float64),
        names=[str(name) for name in content["stim_names"]],
        categories=[str(category) for category in content["category_labels"]],
        targets=[str(name) for name in content["component_names"]],
    )


def read_categories(path: Path) -> dict[str, str]:
    """Read ``category_labels.csv``: ``name,category`` rows without a header.

    Raises
    ------
    DamagedEntryError
        If it is not as published.
    """
    text = _read_stored(path, CATEGORIES_SHA256).decode("utf-8")
    return {row[0]: row[1] for row in csv.reader(io.StringIO(text))}


def _read_stored(path: Path, sha256: str) -> bytes:
    """Read a stored file and check its hash."""
    content = read_bytes(path)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DamagedEntryError(
            f"{path}: has SHA-256 {found}; expected {sha256}. It was altered since it was fetched: "
            f"run `heschl fetch {NAME}` to bring it again"
        )
    return content


def rows_of(names: Sequence[str], released: Sequence[str]) -> NDArray[np.int64]:
    """Return where each sound stands in the release, which has another order.

    Parameters
    ----------
    names : sequence of str, (n_sounds,)
        The sounds as wanted.
    released : sequence of str, (n_sounds,)
        The sounds as released.

    Returns
    -------
    ndarray of int64, (n_sounds,)

    Raises
    ------
    InputError
        If they are not the same sounds.
    """
    place = {name: row for row, name in enumerate(released)}
    unknown = sorted(set(names) ^ set(place))
    if unknown:
        raise InputError(
            f"{COMPONENTS}: its sounds are not those of {NAME}: {', '.join(unknown[:_SHOWN])}; "
            f"expected the {len(names)} names of the published commit {COMMIT[:7]}"
        )
    return np.array([place[name] for name in names], np.int64)


def check_categories(listed: Mapping[str, str], released: Mapping[str, str]) -> None:
    """Refuse tables that put a sound into two categories.

    Parameters
    ----------
    listed, released : mapping of str to str
        Category by sound, in ``category_labels.csv`` and in ``components.mat``.

    Raises
    ------
    InputError
        If they differ.
    """
    names = {*listed, *released}
    split = sorted(name for name in names if listed.get(name) != released.get(name))
    if split:
        name = split[0]
        raise InputError(
            f"{name}: {CATEGORIES} says {listed.get(name)!r}, {COMPONENTS} says "
            f"{released.get(name)!r}; expected one category ({len(split)} sounds differ)"
        )
