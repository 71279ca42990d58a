"""Alignment while the Trainer of transformers trains: a callback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from heschl.dynamics.following import Alignment
from heschl.errors import MissingDependencyError

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise MissingDependencyError(
        "this callback needs transformers, which is not installed; install heschl with its extra "
        '"zoo": python -m pip install "heschl[zoo]"'
    ) from error

#: What the Trainer logs of the loss and the optimiser, under the names of our columns.
_LOGGED = {"loss": "loss", "learning_rate": "learning_rate", "grad_norm": "grad_norm"}


class AlignmentCallback(TrainerCallback):
    """Measures how brain-like a model is: before training, then every so many steps.

    Only the main process measures; the others go on until they need its next gradients. Losses are
    those that the Trainer logs (``logging_steps``), each the mean since the one before.

    Parameters
    ----------
    datasets, **options
        As for `heschl.dynamics.Alignment`: ``every`` and ``folder`` are needed.
    model : function, optional
        Takes the Trainer's model and returns what is measured: the torch module that takes
        waveforms (n_sounds, n_samples). By default the model itself.

    Attributes
    ----------
    alignment : Alignment
    """

    def __init__(
        self, datasets: Any, *, model: Callable[[Any], Any] | None = None, **options: Any
    ) -> None:
        self.alignment = Alignment(datasets, **options)
        self._pick = model or (lambda module: module)

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **rest: Any
    ) -> None:
        """Refuse what cannot be measured, and measure before the first step."""
        if state.is_world_process_zero:
            self.alignment.check(self._pick(model))
            self.alignment(self._pick(model), state.global_step)

    def on_step_end(
        self, args: Any, state: Any, control: Any, model: Any = None, **rest: Any
    ) -> None:
        """See whether it is time."""
        if state.is_world_process_zero:
            self.alignment(self._pick(model), state.global_step)

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        """Note the loss that the Trainer logs."""
        if state.is_world_process_zero and logs is not None and "loss" in logs:
            numbers = {ours: logs[theirs] for theirs, ours in _LOGGED.items() if theirs in logs}
            self.alignment.note(state.global_step, **numbers)

    def on_train_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Write what is left."""
        if state.is_world_process_zero:
            self.alignment.close()
