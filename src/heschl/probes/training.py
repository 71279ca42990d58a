"""Training: all configurations of a grid on the same batches, each stopped by its own patience.

What is shared is done once for all of them: reading a batch, mixing its layers and the gradient of
the mixtures, one matrix product each; the dropout masks. A configuration's batches, masks and first
weights come from the seed alone: it learns the same whatever trains beside it, on a CPU to the bit.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from heschl import progress
from heschl.errors import InputError
from heschl.probes.network import (
    Network,
    filled_up,
    fresh_network,
    logits,
    losses,
    mix,
    share_gradients,
    stacks,
)
from heschl.probes.prediction import predict
from heschl.probes.protocols import Configuration, MlpProbeProtocol
from heschl.probes.rows import Rows, blocks
from heschl.probes.scores import score
from heschl.probes.workers import Workers

Arrays = Mapping[str, NDArray[np.generic]]

#: Between two checkpoints at least so many seconds, and so many times what saving one takes.
BETWEEN_CHECKPOINTS = 60.0
SAVING_SHARE = 20
_BATCHES, _MASKS = 1, 2  # streams of random numbers


class Checkpoint(Protocol):
    """Where the state of a training is kept, to go on after an interruption."""

    def load(self) -> Arrays | None:
        """Return what was saved last; None if nothing was."""
        ...

    def save(self, arrays: Arrays) -> None:
        """Keep a state."""
        ...


@dataclass(frozen=True)
class Examples:
    """Clips with their labels.

    Attributes
    ----------
    rows : Rows
    labels : ndarray of bool, shape (n_rows, n_classes)
    """

    rows: Rows
    labels: NDArray[np.bool_] = field(repr=False)

    def __post_init__(self) -> None:
        if self.labels.ndim != 2 or len(self.labels) != self.rows.n_rows:
            raise InputError(
                f"labels of shape {self.labels.shape} for {self.rows.n_rows} clips; expected "
                f"({self.rows.n_rows}, n_classes)"
            )


@dataclass
class Run:
    """One configuration under way.

    Attributes
    ----------
    configuration : Configuration
    network : Network
    best : dict of str to Tensor
        The network's values after the best epoch.
    best_score : float
    best_epoch : int
        From 1; 0 before the first.
    curve, losses : list of float
        Validation score, and mean loss in training, of each epoch.
    """

    configuration: Configuration
    network: Network = field(repr=False)
    best: dict[str, Tensor] = field(default_factory=dict, repr=False)
    best_score: float = -np.inf
    best_epoch: int = 0
    curve: list[float] = field(default_factory=list, repr=False)
    losses: list[float] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        mixture, *rest = self.network.parameters()
        self._of_mixture, self._of_rest = self._adam([mixture]), self._adam(rest)

    def _adam(self, parameters: list[Tensor]) -> torch.optim.Adam:
        fused = parameters[0].device.type in {"cpu", "cuda"}
        return torch.optim.Adam(parameters, lr=self.configuration.learning_rate, fused=fused)

    def step(self) -> None:
        """Take a step with everything but the mixture, and forget the gradients."""
        self._of_rest.step()
        self._of_rest.zero_grad()

    def step_mixture(self) -> None:
        """Take a step with the mixture, whose gradient comes last, and forget the gradient."""
        self._of_mixture.step()
        self._of_mixture.zero_grad()

    def moments(self, parameter: Tensor) -> dict[str, Tensor]:
        """Return what Adam knows of a parameter."""
        mine = parameter is self.network.mixture
        return (self._of_mixture if mine else self._of_rest).state[parameter]

    def note(self, value: float, loss: float) -> None:
        """Note the end of an epoch; keep the network if it is better than ever."""
        self.curve.append(value)
        self.losses.append(loss)
        if value > self.best_score:
            self.best_score, self.best_epoch = value, len(self.curve)
            self.best = self.network.copies()

    def going_on(self, protocol: MlpProbeProtocol) -> bool:
        """Whether there is to be another epoch."""
        n = len(self.curve)
        return n < protocol.max_epochs and n - self.best_epoch < protocol.patience


class Training:
    """The training of some configurations on one split.

    Parameters
    ----------
    configurations : sequence of Configuration
    train, valid : Examples
    protocol : MlpProbeProtocol
    unit : str
        Of the validation score.
    multilabel : bool
    seed : int
    device : str, optional
    dtype : torch.dtype, optional
    n_stacked : int, optional
        Configurations of one depth that go through the same operations; by default all on a GPU,
        and one by one on a CPU, whose cache is too small for more.
    n_jobs : int, optional
        Threads on a CPU; never changes the numbers.
    """

    def __init__(
        self,
        configurations: Sequence[Configuration],
        train: Examples,
        valid: Examples,
        protocol: MlpProbeProtocol,
        *,
        unit: str,
        multilabel: bool,
        seed: int = 0,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        n_stacked: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        if train.rows.n_rows < 2:
            raise InputError(
                f"{train.rows.n_rows} clips to train on; expected at least 2 (batch normalisation "
                "compares clips)"
            )
        self.train, self.valid, self.protocol = train, valid, protocol
        self.unit, self.multilabel, self.seed = unit, multilabel, seed
        self.device, self.dtype = device, dtype
        self.workers = Workers(device, n_jobs)
        self.n_stacked = n_stacked or (1 if self.workers.on_cpu else len(configurations))
        shape = (train.rows.n_layers, train.rows.width, train.labels.shape[1])
        self.runs = [
            Run(one, fresh_network(one, *shape, seed=seed, device=device, dtype=dtype))
            for one in configurations
        ]
        self.n_epochs = 0
        self._rooms: dict[tuple[str, tuple[int, ...]], Tensor] = {}

    @property
    def active(self) -> list[Run]:
        """Configurations that are not done."""
        return [run for run in self.runs if run.going_on(self.protocol)]

    def fit(
        self,
        checkpoint: Checkpoint | None = None,
        *,
        keep_end: bool = False,
        label: str = "Training",
        show_progress: bool = True,
    ) -> list[Run]:
        """Train until every configuration is done; go on from a checkpoint if there is one.

        With ``keep_end`` the end is a checkpoint, too.

        Raises
        ------
        InputError
            If a configuration never had a validation score.
        """
        if checkpoint is not None and (saved := checkpoint.load()) is not None:
            self._take(saved)
        saved_at, pause = time.monotonic(), BETWEEN_CHECKPOINTS
        n_epochs = self.protocol.max_epochs
        with self.workers, progress.bar(label, n_epochs, "epochs", show=show_progress) as advance:
            advance(self.n_epochs)
            while active := self.active:
                self._epoch(active)
                advance(1)
                began = time.monotonic()
                if checkpoint is not None and began - saved_at > pause:
                    checkpoint.save(self.state())
                    saved_at = time.monotonic()
                    pause = max(BETWEEN_CHECKPOINTS, SAVING_SHARE * (saved_at - began))
        if checkpoint is not None and keep_end:
            checkpoint.save(self.state())
        for run in self.runs:
            if not run.best:
                raise InputError(
                    f"the validation score ({self.unit}) of {run.configuration} was nan in every "
                    "epoch; expected a validation split with clips of several classes"
                )
            run.network.load(run.best)
        return self.runs

    def _epoch(self, active: Sequence[Run]) -> None:
        total, n_clips = np.zeros(len(active)), 0
        for step, (embeddings, labels) in enumerate(self._batches()):
            total += self._step(active, embeddings, labels, step) * len(labels)
            n_clips += len(labels)
        self.n_epochs += 1
        outputs = predict(
            [run.network for run in active],
            self.valid.rows,
            batch_size=self.protocol.batch_size,
            n_stacked=self.n_stacked,
            workers=self.workers,
        )
        for run, loss, output in zip(active, total / n_clips, outputs, strict=True):
            value = float(score(self.unit, output, self.valid.labels))
            run.note(value, float(loss))

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield shuffled batches; a last one of a single clip, which has no variance, is left."""
        rng = np.random.default_rng((self.seed, _BATCHES, self.n_epochs))
        order = rng.permutation(self.train.rows.n_rows)
        parts = [order[part] for part in blocks(len(order), self.protocol.batch_size)]
        parts = [part for part in parts if len(part) > 1]
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as reader:
            ahead = reader.submit(self._read, parts[0], 0)
            for i, (part, following) in enumerate(itertools.zip_longest(parts, parts[1:])):
                embeddings = self.tensor(ahead.result())
                if following is not None:
                    ahead = reader.submit(self._read, following, i + 1)
                yield embeddings, self.tensor(self.train.labels[part])

    def _read(self, part: NDArray[np.int64], index: int) -> NDArray[np.float32]:
        """Read a batch into one of two rooms, the other one being in use."""
        rows = self.train.rows
        name, shape = f"read {index % 2}", (rows.n_layers, len(part), rows.width)
        return rows.take(part, out=self._room(name, shape, torch.float32, "cpu").numpy())

    def _step(
        self, active: Sequence[Run], embeddings: Tensor, labels: Tensor, step: int
    ) -> NDArray[np.float64]:
        """Take one step with every active configuration; return their losses."""
        networks = [run.network for run in active]
        shares = torch.stack([network.shares() for network in networks])
        learn_shares = len(embeddings) > 1  # the share of a single layer is 1
        shape = (filled_up(len(active)), *embeddings.shape[1:])
        room = self._room("mixed", shape) if learn_shares else None
        mixed = mix(shares.detach(), embeddings, out=room)
        back = self._room("gradients", shape) if learn_shares else mixed
        back[len(active) :] = 0
        masks = self._masks(networks, len(labels), step)

        def work(part: slice) -> NDArray[np.float64]:
            inputs = mixed[part].detach().requires_grad_(learn_shares)
            stacked = networks[part]
            outputs = logits(stacked, inputs, [masks[place] for place in stacked[0].places()])
            values = losses(outputs, labels, multilabel=self.multilabel)
            torch.autograd.backward(values.sum())
            if inputs.grad is not None:
                back[part] = inputs.grad
            for run in active[part]:
                run.step()
            return values.detach().cpu().numpy().astype(np.float64)

        found = list(self.workers.map(work, stacks(networks, self.n_stacked)))
        if learn_shares:
            torch.autograd.backward(shares, share_gradients(back, embeddings)[: len(active)])
            for run in active:
                run.step_mixture()
        return np.concatenate(found)

    def _room(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: torch.dtype | None = None,
        device: str | None = None,
    ) -> Tensor:
        """Return memory that is used again from step to step."""
        if (name, shape) not in self._rooms:
            self._rooms[name, shape] = torch.empty(
                shape, dtype=dtype or self.dtype, device=device or self.device
            )
        return self._rooms[name, shape]

    def _masks(
        self, networks: Sequence[Network], n: int, step: int
    ) -> dict[tuple[int, int], Tensor]:
        """Draw what the units of each hidden layer are multiplied by: 0, or 1 / (1 - dropout)."""
        kept = 1 - self.protocol.dropout
        masks = {}
        for depth, n_hidden in {place for network in networks for place in network.places()}:
            rng = np.random.default_rng((self.seed, _MASKS, self.n_epochs, step, depth))
            drawn = rng.random((n, n_hidden), np.float32) < kept
            masks[depth, n_hidden] = self.tensor(drawn) / kept
        return masks

    def tensor(self, array: NDArray[np.generic]) -> Tensor:
        """Bring an array to the device of the training, as its kind of numbers."""
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device, self.dtype)

    # checkpoints

    def state(self) -> Arrays:
        """Return everything that is needed to go on."""
        arrays: dict[str, NDArray[np.generic]] = {"n_epochs": np.array(self.n_epochs)}
        for i, run in enumerate(self.runs):
            arrays[f"{i}.curve"], arrays[f"{i}.losses"] = np.array(run.curve), np.array(run.losses)
            arrays[f"{i}.best_score"] = np.array([run.best_score, run.best_epoch])
            for name, tensor in run.network.named_tensors():
                arrays[f"{i}.now.{name}"] = tensor.detach().cpu().numpy()
            for name, tensor in run.best.items():
                arrays[f"{i}.best.{name}"] = tensor.cpu().numpy()
            for j, parameter in enumerate(run.network.parameters()):
                for name, tensor in run.moments(parameter).items():
                    arrays[f"{i}.adam.{j}.{name}"] = tensor.cpu().numpy()
        return arrays

    def _take(self, arrays: Arrays) -> None:
        self.n_epochs = int(arrays["n_epochs"].item())
        for i, run in enumerate(self.runs):
            run.curve, run.losses = (arrays[f"{i}.{name}"].tolist() for name in ("curve", "losses"))
            best_score, best_epoch = arrays[f"{i}.best_score"].tolist()
            run.best_score, run.best_epoch = best_score, int(best_epoch)
            run.network.load(self._tensors(arrays, f"{i}.now."))
            run.best = self._tensors(arrays, f"{i}.best.")
            for j, parameter in enumerate(run.network.parameters()):
                for name, tensor in self._tensors(arrays, f"{i}.adam.{j}.").items():
                    shape = () if name == "step" else parameter.shape
                    run.moments(parameter)[name] = tensor.reshape(shape)

    def _tensors(self, arrays: Arrays, prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): torch.tensor(array, device=self.device)
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
