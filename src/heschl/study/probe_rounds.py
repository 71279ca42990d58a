"""The trainings of a task: the grid is searched on the first, its choice used for the rest.

Each is kept when it is done; one that was interrupted goes on from its checkpoint.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl import locks, probes, store
from heschl.activations import bytes_free
from heschl.errors import DamagedEntryError, MissingDependencyError
from heschl.study.embeddings import Embeddings
from heschl.tasks import Round, Task

FloatArray = NDArray[np.float64]

#: Share of the free memory that the networks of a grid may take together.
FOR_NETWORKS = 0.5
#: File in the folder of trainings that whoever trains holds.
LOCK = ".lock"


@dataclass(frozen=True)
class FittedRound:
    """One training.

    Attributes
    ----------
    outputs : ndarray of float32, shape (n_test, n_classes)
        Logits of the tested clips.
    layer_weights : ndarray, shape (n_layers,)
        Shares of the layers.
    chosen : ndarray of int, shape (1,)
        Place of the configuration in the grid.
    valid_scores : ndarray, shape (n_tried,)
        Best validation score of each configuration that was tried.
    epochs : ndarray of int, shape (n_tried,)
        When that was, from 1; 0 where nothing is trained in epochs.
    finished : ndarray of bool, shape (n_tried,)
        Whether it ended by itself: by its patience, or because the solver had converged.
    curves, losses : ndarray, shape (n_tried, n_epochs)
        Validation score, and loss in training, after each epoch; nan after the end.
    """

    outputs: NDArray[np.float32] = field(repr=False)
    layer_weights: FloatArray = field(repr=False)
    chosen: NDArray[np.int64]
    valid_scores: FloatArray = field(repr=False)
    epochs: NDArray[np.int64] = field(repr=False)
    finished: NDArray[np.bool_] = field(repr=False)
    curves: FloatArray = field(repr=False)
    losses: FloatArray = field(repr=False)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True)
class Fitted:
    """All trainings of a task.

    Attributes
    ----------
    rounds : tuple of FittedRound
    grid : tuple of dict
        What each configuration sets.
    """

    rounds: tuple[FittedRound, ...]
    grid: tuple[dict[str, Any], ...] = field(repr=False)

    def choices(self) -> list[dict[str, Any]]:
        """Return, for each training, which configuration, the epoch kept, its validation score."""
        found = []
        for one in self.rounds:
            chosen = int(one.chosen[0])
            place = chosen if len(one.epochs) > 1 else 0
            found.append(
                {
                    "configuration": chosen,
                    "epoch": int(one.epochs[place]) or None,
                    "valid_score": float(one.valid_scores[place]),
                }
            )
        return found

    def table(self) -> pd.DataFrame:
        """Return the grid with the validation scores of the first training."""
        first = self.rounds[0]
        table = pd.DataFrame(list(self.grid))
        return table.assign(
            valid_score=first.valid_scores,
            epoch=pd.Series(first.epochs).where(first.epochs > 0),
            finished=first.finished,
        )


def fit_rounds(
    embeddings: Embeddings,
    task: Task,
    protocol: probes.ProbeProtocol,
    *,
    seed: int,
    device: str,
    n_jobs: int | None,
    folder: Path | None,
    label: str,
    show_progress: bool,
) -> Fitted:
    """Train on every round of a task.

    Parameters
    ----------
    embeddings : Embeddings
    task : Task
    protocol : ProbeProtocol
    seed : int
    device : str
        Where probes of torch are trained.
    n_jobs : int, optional
        Threads on a CPU.
    folder : Path, optional
        Where trainings are kept; None keeps nothing.
    label : str
        Of the progress bars.
    show_progress : bool
    """
    fit: Callable[..., FittedRound]
    if isinstance(protocol, probes.MlpProbeProtocol):
        fit = partial(_fit_mlp, protocol=protocol, seed=seed, device=device, n_jobs=n_jobs)
        grid = tuple(one.row() for one in protocol.grid())
    else:
        fit = partial(_fit_linear, protocol=protocol)
        grid = tuple(
            {"layer": layer, "strength": strength}
            for layer in embeddings.layers
            for strength in protocol.strengths
        )
    entry = None if folder is None else store.ArrayEntry(folder)
    done = {} if entry is None else entry.whole_parts()
    with contextlib.ExitStack() as stack:
        if entry is not None and len(done) < len(task.rounds()):
            store.check_writable(entry.folder)
            stack.enter_context(locks.held(entry.folder / LOCK, f"the probes of {label}"))
            done = entry.whole_parts()  # another process may have been at it
        return Fitted(
            tuple(_rounds(task, fit, embeddings, entry, done, label, show_progress)), grid
        )


def _rounds(
    task: Task,
    fit: Callable[..., FittedRound],
    embeddings: Embeddings,
    entry: store.ArrayEntry | None,
    done: Mapping[int, Path],
    label: str,
    show_progress: bool,
) -> Iterator[FittedRound]:
    """Yield the training of each round, read or made; all after the first take its choice."""
    choice: int | None = None
    for i, one in enumerate(task.rounds()):
        if i in done:
            found = FittedRound(**store.read_arrays(done[i]))
        else:
            place = None if entry is None else FileCheckpoint(entry.folder / f"checkpoint-{i}")
            found = fit(
                embeddings,
                task,
                one,
                chosen=choice,
                checkpoint=place,
                label=label if len(task.rounds()) == 1 else f"{label}, {one.test}",
                show_progress=show_progress,
            )
            if entry is not None:
                entry.write_part(i, found.arrays())
            if place is not None:
                place.forget()
        if choice is None:
            choice = int(found.chosen[0])
        yield found


class FileCheckpoint:
    """The state of a training in a file; a damaged one counts as none.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def part(self, index: int) -> FileCheckpoint:
        """Return the checkpoint of one of several trainings that follow each other."""
        return FileCheckpoint(self.path.with_name(f"{self.path.name}-{index}"))

    def load(self) -> Mapping[str, NDArray[Any]] | None:
        """Return what was saved last."""
        if not self.path.is_file():
            return None
        try:
            return store.read_arrays(self.path)
        except DamagedEntryError:
            return None

    def save(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Replace what was saved."""
        store.write_arrays(self.path.parent, self.path.name, arrays)

    def forget(self) -> None:
        """Remove those of its parts."""
        with store.writing(self.path):
            for path in self.path.parent.glob(f"{self.path.name}-*"):
                path.unlink(missing_ok=True)


def _labels(task: Task, names: Sequence[str]) -> NDArray[np.bool_]:
    return np.concatenate([task.splits[name].labels for name in names])


def _fit_mlp(
    embeddings: Embeddings,
    task: Task,
    one: Round,
    *,
    protocol: probes.MlpProbeProtocol,
    seed: int,
    device: str,
    n_jobs: int | None,
    chosen: int | None,
    checkpoint: FileCheckpoint | None,
    label: str,
    show_progress: bool,
) -> FittedRound:
    try:
        from heschl.probes.prediction import predict
        from heschl.probes.search import search
        from heschl.probes.training import Examples
    except ImportError as error:
        raise MissingDependencyError(
            f"protocol {protocol.name!r} needs torch: pip install 'heschl[probe]'"
        ) from error
    grid = protocol.grid()
    splits = {"train": one.train, "valid": (one.valid,), "test": (one.test,)}
    with embeddings.rows(splits, embeddings.components(one.train)) as rows:
        found = search(
            grid if chosen is None else [grid[chosen]],
            Examples(rows["train"], _labels(task, one.train)),
            Examples(rows["valid"], _labels(task, [one.valid])),
            protocol,
            unit=task.units[0],
            multilabel=task.prediction == "multilabel",
            seed=seed,
            device=device,
            n_jobs=n_jobs,
            n_bytes=FOR_NETWORKS * bytes_free(device),
            checkpoints=None if checkpoint is None else checkpoint.part,
            label=label,
            show_progress=show_progress,
        )
        outputs = predict([found.network], rows["test"], batch_size=protocol.batch_size)[0]
    return FittedRound(
        outputs=outputs,
        layer_weights=found.network.shares().detach().cpu().numpy().astype(np.float64),
        chosen=np.array([found.chosen if chosen is None else chosen]),
        valid_scores=found.scores,
        epochs=found.epochs,
        finished=found.n_epochs < protocol.max_epochs,
        curves=found.curves,
        losses=found.losses,
    )


def _fit_linear(
    embeddings: Embeddings,
    task: Task,
    one: Round,
    *,
    protocol: probes.LinearProbeProtocol,
    chosen: int | None,
    checkpoint: FileCheckpoint | None,  # its fits are quick: none is kept half done
    label: str,
    show_progress: bool,
) -> FittedRound:
    from heschl.probes.linear import fit_linear

    n_strengths = len(protocol.strengths)
    only = None if chosen is None else divmod(chosen, n_strengths)
    found = fit_linear(
        embeddings.reader(one.train),
        _labels(task, one.train),
        embeddings.reader([one.valid]),
        _labels(task, [one.valid]),
        embeddings.reader([one.test]),
        protocol,
        n_layers=len(embeddings.layers),
        unit=task.units[0],
        multilabel=task.prediction == "multilabel",
        only=only,
        label=label,
        show_progress=show_progress,
    )
    shares = np.zeros(len(embeddings.layers))
    shares[found.layer] = 1.0
    tried = slice(None) if chosen is None else slice(chosen, chosen + 1)
    valid_scores = found.valid_scores.reshape(-1)[tried]
    nothing = np.full((len(valid_scores), 0), np.nan)
    return FittedRound(
        outputs=found.outputs,
        layer_weights=shares,
        chosen=np.array([found.layer * n_strengths + found.strength]),
        valid_scores=valid_scores,
        epochs=np.zeros(len(valid_scores), np.int64),
        finished=~found.unfinished.reshape(-1)[tried],
        curves=nothing,
        losses=nothing,
    )
