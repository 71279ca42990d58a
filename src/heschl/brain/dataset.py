"""What every brain dataset is: sounds, responses to them, and what the targets are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.fetch import FetchPlan
from heschl.sounds import Sounds

Kind = Literal["voxels", "components", "electrodes"]


@dataclass(frozen=True)
class DatasetSpec:
    """One row of the table of datasets.

    Attributes
    ----------
    name : str
        What a user types.
    kind : {"voxels", "components", "electrodes"}
    summary : str
        One line.
    load : function without arguments that returns a BrainDataset
    fetch : function, or None
        Brings the data to this machine, from the published place or from a local copy given as its
        only argument, and returns the folder where they are now. None: the dataset is embedded.
    plan : function without arguments, or None
        What ``fetch`` would download.
    n_sounds, n_targets : int
        With responses; targets with a missing one are left out only when they are scored.
    licence, citation : str
    """

    name: str
    kind: Kind
    n_sounds: int
    n_targets: int
    summary: str
    load: Callable[[], BrainDataset]
    fetch: Callable[[Path | None], Path] | None
    plan: Callable[[], FetchPlan] | None
    licence: str
    citation: str


@dataclass(frozen=True)
class BrainDataset:
    """Sounds and the responses of a brain to them.

    Attributes
    ----------
    name : str
    kind : {"voxels", "components", "electrodes"}
    sounds : Sounds
    responses : ndarray of float64, shape (n_sounds, n_targets, n_repeats)
        Rows in the order of ``sounds``; nan where a repetition was not measured.
    targets : DataFrame
        One row per target with its ``target`` name, unique; where known ``listener``, ``region``,
        ``hemisphere`` and coordinates.
    folds : ndarray of int, shape (n_sounds,)
        Cross-validation fold of each sound, counted from 0.
    citation : str
    licence : str
    ceiling : ndarray of float64, shape (n_targets,), optional
        Largest r2 that any model can reach with the mean over repetitions, where it is *known*
        (simulations), in units of r2.
    published : mapping of str to mapping of str to float
        Published scores with this dataset: ``{model: {target: r2}}``.
    source : mapping
        Where the data come from: URL, revision, hashes; goes into the provenance of results.
    """

    name: str
    kind: Kind
    sounds: Sounds
    responses: NDArray[np.float64] = field(repr=False)
    targets: pd.DataFrame = field(repr=False)
    folds: NDArray[np.int64] = field(repr=False)
    citation: str = ""
    licence: str = ""
    ceiling: NDArray[np.float64] | None = field(default=None, repr=False)
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    source: Mapping[str, object] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "responses", np.asarray(self.responses, np.float64))
        object.__setattr__(self, "folds", np.asarray(self.folds))
        if self.kind not in get_args(Kind):
            raise InputError(
                f"{self.name}: kind is {self.kind!r}; expected one of {get_args(Kind)}"
            )
        check_responses(self.responses, len(self.sounds), self.name)
        if "target" not in self.targets.columns:
            raise InputError(f"{self.name}: the table of targets has no column 'target'")
        if len(self.targets) != self.n_targets:
            raise InputError(
                f"{self.name}: {len(self.targets)} rows in the table of targets, but responses of "
                f"{self.n_targets} targets"
            )
        repeated = self.targets["target"][self.targets["target"].duplicated()]
        if len(repeated):
            raise InputError(f"{self.name}: two targets are named {repeated.iloc[0]!r}")
        if self.folds.shape != (len(self.sounds),):
            raise InputError(
                f"{self.name}: folds have shape {self.folds.shape}; expected one number for each "
                f"of {len(self.sounds)} sounds"
            )
        if self.ceiling is not None and self.ceiling.shape != (self.n_targets,):
            raise InputError(f"{self.name}: the ceiling has shape {self.ceiling.shape}")

    @property
    def n_targets(self) -> int:
        """Number of voxels, components or electrodes."""
        return self.responses.shape[1]

    @property
    def n_repeats(self) -> int:
        """Number of repetitions."""
        return self.responses.shape[2]

    def mean_responses(self) -> NDArray[np.float64]:
        """Mean over repetitions, (n_sounds, n_targets); nan where any repetition is missing."""
        return np.asarray(self.responses.mean(axis=2))


def check_responses(responses: NDArray[np.float64], n_sounds: int, name: str) -> None:
    """Raise InputError unless responses are (n_sounds, n_targets, n_repeats) real numbers."""
    if responses.ndim != 3:
        raise InputError(
            f"{name}: responses have shape {responses.shape}; expected (n_sounds, n_targets, "
            "n_repeats): add a last axis of length 1 if there is one repetition"
        )
    if responses.shape[0] != n_sounds:
        raise InputError(
            f"{name}: responses to {responses.shape[0]} sounds, but {n_sounds} sounds; "
            "each sound needs one row, in the same order"
        )
    if np.isinf(responses).any():
        raise InputError(f"{name}: responses hold infinite values; use nan for what is missing")
