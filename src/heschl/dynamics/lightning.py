"""Alignment while Lightning trains: a callback for ``lightning.pytorch`` or its older name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from heschl.dynamics.following import Alignment
from heschl.errors import MissingDependencyError

_PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def _callback_class() -> Any:
    """Return the ``Callback`` of the package that is in use, else of the one that is there."""
    for name in _PACKAGES:
        if sys.modules.get(name) is not None:
            return sys.modules[name].Callback
    for name in _PACKAGES:
        try:
            return importlib.import_module(name).Callback
        except ModuleNotFoundError as error:
            if error.name not in (name, name.partition(".")[0]):
                raise
    raise MissingDependencyError(
        "this callback needs Lightning, which is not installed; install heschl with its extra "
        '"pretrain": python -m pip install "heschl[pretrain]"'
    )


class AlignmentCallback(_callback_class()):  # type: ignore[misc] # known only when it is imported
    """Measures how brain-like a LightningModule is: before training, then every so many steps.

    Only the main process measures; the others go on until they need its next gradients. The losses
    of the batches that make an optimiser step are averaged.

    Parameters
    ----------
    datasets, **options
        As for `heschl.dynamics.Alignment`: ``every`` and ``folder`` are needed.
    model : function, optional
        Takes the LightningModule and returns what is measured: the torch module that takes
        waveforms (n_sounds, n_samples). By default the LightningModule itself.

    Attributes
    ----------
    alignment : Alignment
    """

    def __init__(
        self, datasets: Any, *, model: Callable[[Any], Any] | None = None, **options: Any
    ) -> None:
        super().__init__()
        self.alignment = Alignment(datasets, **options)
        self._pick = model or (lambda module: module)
        self._step = 0
        self._losses: list[Any] = []

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Refuse what cannot be measured."""
        if trainer.is_global_zero:
            self.alignment.check(self._pick(pl_module))

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Measure before the first step."""
        self._step = trainer.global_step
        if trainer.is_global_zero:
            self.alignment(self._pick(pl_module), trainer.global_step)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the loss; once the optimiser has stepped, see whether it is time."""
        if not trainer.is_global_zero:
            return
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if loss is not None:
            # Lightning has divided it by the batches of a step already
            share = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
            self._losses.append(loss.detach() * share)
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        mean = sum(self._losses) / len(self._losses) if self._losses else None
        self._losses = []
        self.alignment(self._pick(pl_module), self._step, mean)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Write what is left."""
        if trainer.is_global_zero:
            self.alignment.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Write what is left, also of a training that fails."""
        if trainer.is_global_zero:
            self.alignment.close()
