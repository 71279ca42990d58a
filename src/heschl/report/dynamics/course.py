"""The course of one training, or of several with other seeds: all values, and their means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from heschl.errors import InputError

if TYPE_CHECKING:
    from heschl.dynamics.table import Trajectory

#: What a value is of; its step and its run come on top.
KEYS = ("dataset", "metric", "protocol", "unit", "region", "layer", "layer_index", "target")


@dataclass(frozen=True)
class Course:
    """One or more trainings of one recipe.

    Attributes
    ----------
    runs : tuple of str
        Their names, each once.
    scores : DataFrame
        One row a value of a run at a step: `KEYS`, run, step, value, low, high, ceiling.
    mean : DataFrame
        The same without run: means over the runs, at the steps that every run was measured at. Of
        several runs low and high are missing.
    losses : mapping of str to DataFrame
        For each run that has it: step, loss and more.
    baselines : DataFrame
        Values of other models: as ``scores``, without step.
    provenance : mapping of str to mapping
        For each run.
    """

    runs: tuple[str, ...]
    scores: pd.DataFrame
    mean: pd.DataFrame
    losses: Mapping[str, pd.DataFrame]
    baselines: pd.DataFrame
    provenance: Mapping[str, Mapping[str, Any]]

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of all layers, in order of execution."""
        known = self.mean[self.mean["layer"] != ""].sort_values("layer_index", kind="stable")
        return tuple(dict.fromkeys(known["layer"]))

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps that every run was measured at."""
        return tuple(sorted({int(step) for step in self.mean["step"]}))


def gather(trajectories: Sequence[Trajectory]) -> Course:
    """Put trajectories together.

    Parameters
    ----------
    trajectories : sequence of Trajectory
        Of one recipe; runs of the same name are numbered.

    Raises
    ------
    InputError
        If there is none, one holds no value, or they have no value at the same step.
    """
    if not trajectories:
        raise InputError("no trajectory is given; expected the folder of at least one")
    runs = _unique([one.run for one in trajectories])
    for run, one in zip(runs, trajectories, strict=True):
        if not np.isfinite(one.scores["value"]).any():
            raise InputError(
                f"the trajectory of {run!r} holds no value; expected at least one step that was "
                "measured"
            )
    scores = pd.concat(
        [one.scores.assign(run=run) for run, one in zip(runs, trajectories, strict=True)],
        ignore_index=True,
    )
    others = [one.baselines for one in trajectories if one.baselines is not None]
    baselines = pd.concat(others, ignore_index=True) if others else scores.iloc[:0]
    losses = {
        run: _known(one.losses)
        for run, one in zip(runs, trajectories, strict=True)
        if one.losses is not None
    }
    return Course(
        runs,
        scores,
        _mean(scores, len(runs)),
        {run: table for run, table in losses.items() if len(table)},
        baselines.drop_duplicates(["run", *KEYS]),
        {run: one.provenance for run, one in zip(runs, trajectories, strict=True)},
    )


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, numbered where one comes more than once."""
    if len(set(names)) == len(names):
        return tuple(names)
    return tuple(f"{name} ({i + 1})" for i, name in enumerate(names))


def _known(losses: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table of losses that hold one, in order of the steps."""
    return losses[np.isfinite(losses["loss"])].sort_values("step", kind="stable")


def _mean(scores: pd.DataFrame, n_runs: int) -> pd.DataFrame:
    """Average over runs what every run has."""
    if n_runs == 1:
        return scores.drop(columns="run")
    groups = scores.groupby([*KEYS, "step"], sort=False)
    mean = groups[["value", "ceiling"]].mean().assign(n=groups["value"].count()).reset_index()
    mean = mean[mean["n"] == n_runs].drop(columns="n").assign(low=np.nan, high=np.nan)
    if mean.empty:
        raise InputError(
            f"the {n_runs} runs have no value at the same step; expected trainings of one recipe, "
            "measured at the same steps: write a report of each by itself"
        )
    return mean.sort_values("step", kind="stable")
