"""Alignment with brains while a model is trained: every so many steps, in a folder."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from heschl.brain import BrainDataset
from heschl.dynamics.columns import COLUMNS, as_table
from heschl.dynamics.keys import describe
from heschl.dynamics.losses import Losses
from heschl.dynamics.measuring import chosen_metrics, measure
from heschl.dynamics.models import Watched, Watching
from heschl.dynamics.prepared import load_datasets, resampled
from heschl.dynamics.table import append_scores, claim_folder, write_header
from heschl.errors import HeschlWarning, UsageError
from heschl.results import environment
from heschl.study.uncertainty import Uncertainty

if TYPE_CHECKING:
    from heschl.dynamics.tensorboard import Scalars
    from heschl.models import AudioModel

log = logging.getLogger("heschl")


class Alignment:
    """Follows how brain-like a model becomes while it is trained.

    Call it after every optimiser step; every so many it measures, and adds to the trajectory in its
    folder. Training goes on as if nothing had happened: to the bit, see `undisturbed`.

    Parameters
    ----------
    datasets : str, Path or BrainDataset, or a sequence of them
        As for `heschl.load_dataset`; loaded now, their sounds resampled once.
    every : int
        Optimiser steps from one measurement to the next; step 0 is measured, too.
    folder : str or Path
        Of the trajectory. A training that goes on adds to what is there; another run is refused.
    name : str, optional
        Of the run; by default the name of the folder.
    metrics : sequence of str, optional
        See `heschl.dynamics.measure`.
    sample_rate : int, optional
        In Hz, of what the model takes; by default its attribute ``sample_rate``.
    layers, level, time_axis
        As for `heschl.wrap`.
    n_bootstrap : int, optional
        Resamples for intervals, which take longer than all the rest; 0, the default, for none.
    seed : int, optional
        Of the resamples.
    device : str, optional
        Where an `AudioModel` runs. A torch module under training stays where it is.
    batch_size : int, optional
        Sounds that go through the model together, at most.
    n_jobs : int, optional
        Threads of the analysis; every available core by default.
    tensorboard : bool, optional
        Also write scalars for TensorBoard, to ``tensorboard/`` in the folder.

    Attributes
    ----------
    failures : list of dict
        Measurements that failed after the first: ``step`` and ``reason``.

    Raises
    ------
    UnknownNameError, FetchError
        If a dataset or metric does not exist or cannot be had.
    UsageError
        If ``every`` is less than 1, or another number is not usable.
    InputError
        If the folder holds the trajectory of another run.
    MissingDependencyError
        If TensorBoard is wanted and not installed.
    StoreError
        If the folder cannot be written.

    Examples
    --------
    >>> alignment = Alignment("synthetic", every=1000, folder="run")  # doctest: +SKIP
    >>> alignment(model, step, loss)  # after each optimiser step  # doctest: +SKIP
    >>> alignment.close()  # doctest: +SKIP
    """

    def __init__(
        self,
        datasets: str | Path | BrainDataset | Sequence[str | Path | BrainDataset],
        *,
        every: int,
        folder: str | Path,
        name: str | None = None,
        metrics: Sequence[str] | None = None,
        sample_rate: int | None = None,
        layers: Sequence[str] | None = None,
        level: float | None = None,
        time_axis: int | None = None,
        n_bootstrap: int = 0,
        seed: int = 0,
        device: str | None = None,
        batch_size: int | None = None,
        n_jobs: int | None = None,
        tensorboard: bool = False,
    ) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise UsageError(
                f"every is {every!r}; expected a whole number of steps of at least 1, such as 1000"
            )
        Uncertainty(n_bootstrap, 0, seed)
        self.every = every
        self.folder = Path(folder)
        self.name = name or self.folder.resolve().name
        self.datasets = load_datasets(datasets)
        self.metrics = {one.name: chosen_metrics(metrics, one) for one in self.datasets}
        self.layers, self.device = layers, device
        self.n_bootstrap, self.seed = n_bootstrap, seed
        self._running: dict[str, Any] = {"batch_size": batch_size, "n_jobs": n_jobs}
        self._watching = Watching(
            name=self.name,
            sample_rate=sample_rate,
            layers=layers,
            level=level,
            time_axis=time_axis,
            device=device,
        )
        self._ready: dict[int, tuple[BrainDataset, ...]] = {}
        self._losses = Losses()
        self._last: int | None = None
        before = claim_folder(self.folder, self.name)
        self.failures: list[dict[str, Any]] = list(before.get("failures", []))
        self._described: list[dict[str, Any]] | None = None
        self._scalars: Scalars | None = None
        if tensorboard:
            from heschl.dynamics.tensorboard import Scalars

            self._scalars = Scalars(self.folder / "tensorboard")

    def __call__(
        self, model: Watched, step: int, loss: Any | None = None, **numbers: Any
    ) -> pd.DataFrame | None:
        """Note the loss of a step; measure at step 0 and at multiples of ``every``.

        Parameters
        ----------
        model : torch.nn.Module, AudioModel, or a function that returns one
            A function is called only when something is measured.
        step : int
            Optimiser steps done.
        loss : float or Tensor, optional
            Of this step. A tensor is not waited for until the losses are written.
        **numbers : float or Tensor
            Further numbers to be kept with it, such as ``learning_rate``.

        Returns
        -------
        DataFrame or None
            What was measured; None if nothing was.

        Raises
        ------
        HeschlError
            If the first measurement fails. Later ones warn, and training goes on.
        """
        if loss is not None:
            self.note(step, loss=loss, **numbers)
        step = int(step)
        if step % self.every or step == self._last:
            return None
        first = self._last is None
        self._last = step
        try:
            return self.measure(model, step)
        except Exception as error:
            if first:
                raise
            self._fail(step, error)
            return None

    def note(self, step: int, **numbers: Any) -> None:
        """Keep numbers of a step, ``loss`` among them; they are written at the next measurement."""
        self._losses.note(int(step), **numbers)

    def check(self, model: Watched) -> None:
        """Refuse, before any step, a model that cannot be measured.

        Raises
        ------
        UsageError, UnknownNameError, InputError
            If it has no sample rate, no such layers, or cannot run on the sounds' length.
        """
        with self._watching.ready(model) as ready:
            ready.choose(self.layers)

    def measure(self, model: Watched, step: int) -> pd.DataFrame:
        """Measure now, and write what was found.

        Parameters
        ----------
        model : torch.nn.Module, AudioModel, or a function that returns one
        step : int
            Optimiser steps done.

        Returns
        -------
        DataFrame
            Columns `heschl.dynamics.COLUMNS`.

        Raises
        ------
        HeschlError
            If the model cannot be measured, or the folder not be written.
        """
        with self._watching.ready(model) as ready:
            found = [self._measured(ready, data) for data in self._data(ready.sample_rate)]
        table = as_table(
            pd.concat(found, ignore_index=True).assign(run=self.name, step=step), COLUMNS
        )
        append_scores(self.folder, table)
        self._write_header()
        self.flush()
        if self._scalars is not None:
            self._scalars.write(table)
        return table

    def flush(self) -> None:
        """Write the losses that were noted since the last time."""
        rows = self._losses.write(self.folder)
        if rows is not None and self._scalars is not None:
            self._scalars.write_losses(rows)

    def close(self) -> None:
        """Write what is left."""
        self.flush()
        if self.failures and self._last is not None:
            self._write_header()  # not when they came: a full disk may have been the reason
        if self._scalars is not None:
            self._scalars.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _measured(self, model: AudioModel, data: BrainDataset) -> pd.DataFrame:
        return measure(
            model,
            data,
            metrics=self.metrics[data.name],
            layers=self.layers,
            n_bootstrap=self.n_bootstrap,
            seed=self.seed,
            device=self.device,
            **self._running,
        )

    def _data(self, sample_rate: int) -> tuple[BrainDataset, ...]:
        if sample_rate not in self._ready:
            self._ready[sample_rate] = tuple(resampled(one, sample_rate) for one in self.datasets)
        return self._ready[sample_rate]

    def _fail(self, step: int, error: Exception) -> None:
        """Say that a measurement failed, and go on: it is not worth a training."""
        reason = f"{type(error).__name__}: {error}"
        log.debug("what failed:", exc_info=error)
        self.failures.append({"step": step, "reason": reason})
        warnings.warn(
            f"{self.name}: step {step} could not be measured ({reason}); training goes on",
            HeschlWarning,
            stacklevel=3,
        )

    def _write_header(self) -> None:
        if self._described is None:
            self._described = [describe(one) for one in self.datasets]
        write_header(
            self.folder,
            self.name,
            {
                "environment": environment(),
                "every": self.every,
                "datasets": self._described,
                "metrics": {name: list(metrics) for name, metrics in self.metrics.items()},
                "layers": None if self.layers is None else list(self.layers),
                "n_bootstrap": self.n_bootstrap,
                "seed": self.seed,
                "failures": self.failures,
            },
        )
