"""The search over a grid: as many configurations together as the memory has room for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl.probes.network import Network
from heschl.probes.protocols import Configuration, MlpProbeProtocol
from heschl.probes.training import Checkpoint, Examples, Run, Training

#: Numbers kept for every weight: itself, its gradient, Adam's two moments, and the best so far.
COPIES = 5
BYTES = 4


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    network : Network
        Of the best configuration, as after its best epoch.
    chosen : int
        Its place; the first of equals.
    scores : ndarray, shape (n_configurations,)
        Best validation score of each.
    epochs : ndarray of int, shape (n_configurations,)
        When that was, from 1.
    curves, losses : ndarray, shape (n_configurations, n_epochs)
        Validation score, and loss in training, after each epoch; nan after the end.
    """

    network: Network = field(repr=False)
    chosen: int
    scores: NDArray[np.float64] = field(repr=False)
    epochs: NDArray[np.int64] = field(repr=False)
    curves: NDArray[np.float64] = field(repr=False)
    losses: NDArray[np.float64] = field(repr=False)

    @property
    def n_epochs(self) -> NDArray[np.int64]:
        """Epochs that each configuration was trained for, (n_configurations,)."""
        return np.asarray(np.isfinite(self.losses).sum(axis=1))


def search(
    configurations: Sequence[Configuration],
    train: Examples,
    valid: Examples,
    protocol: MlpProbeProtocol,
    *,
    unit: str,
    multilabel: bool,
    seed: int = 0,
    device: str = "cpu",
    n_jobs: int | None = None,
    n_bytes: float = math.inf,
    checkpoints: Callable[[int], Checkpoint] | None = None,
    label: str = "Training",
    show_progress: bool = True,
) -> Found:
    """Train every configuration and keep the best.

    Parameters
    ----------
    configurations : sequence of Configuration
    train, valid : Examples
    protocol : MlpProbeProtocol
    unit, multilabel, seed, device, n_jobs
        As of `heschl.probes.training.Training`.
    n_bytes : float, optional
        Memory that networks may take; those that do not fit together follow each other.
    checkpoints : function of int, optional
        Returns the checkpoint of the n-th of those that follow each other.
    label, show_progress : optional
        Of the progress bar.
    """
    groups = fitting(configurations, train, n_bytes)
    best: Run | None = None
    curves, losses = [], []
    for i, group in enumerate(groups):
        training = Training(
            group,
            train,
            valid,
            protocol,
            unit=unit,
            multilabel=multilabel,
            seed=seed,
            device=device,
            n_jobs=n_jobs,
        )
        training.fit(
            None if checkpoints is None else checkpoints(i),
            keep_end=len(groups) > 1,
            label=label if len(groups) == 1 else f"{label} ({i + 1} of {len(groups)})",
            show_progress=show_progress,
        )
        for run in training.runs:
            if best is None or run.best_score > best.best_score:
                best = run
            curves.append(run.curve)
            losses.append(run.losses)
    if best is None:
        raise ValueError("no configurations to search")
    scores = np.array([max(curve) for curve in curves])
    return Found(
        best.network,
        int(scores.argmax()),
        scores,
        np.array([int(np.argmax(curve)) + 1 for curve in curves]),
        _padded(curves),
        _padded(losses),
    )


def fitting(
    configurations: Sequence[Configuration], train: Examples, n_bytes: float
) -> list[list[Configuration]]:
    """Divide configurations, in their order, into groups whose networks fit into memory."""
    groups: list[list[Configuration]] = []
    room = 0.0
    for one in configurations:
        widths = (train.rows.width, *one.hidden, train.labels.shape[1])
        needed = COPIES * BYTES * sum(a * b for a, b in itertools.pairwise(widths))
        if needed > room:
            groups.append([])
            room = n_bytes
        groups[-1].append(one)
        room -= needed
    return groups


def _padded(curves: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    n_epochs = max(len(curve) for curve in curves)
    return np.array([[*curve, *[np.nan] * (n_epochs - len(curve))] for curve in curves])
