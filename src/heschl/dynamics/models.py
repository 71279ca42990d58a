"""The model of a training at the moment when it is measured: in evaluation, made once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from heschl.dynamics.undisturbed import undisturbed
from heschl.errors import UsageError
from heschl.models import AudioModel, wrap
from heschl.models.user.wrapping import is_module

if TYPE_CHECKING:
    from torch import nn

#: A torch module, an AudioModel, or a function without arguments that returns one of them.
Watched = Any


class Watching:
    """Makes an `AudioModel` of what is trained, once for each module.

    Parameters
    ----------
    sample_rate, layers, level, time_axis
        As for `heschl.wrap`; for modules alone.
    device : str or None
        Refused for modules, which stay where their weights are.
    name : str
        What the model is called.
    """

    def __init__(
        self,
        *,
        name: str,
        sample_rate: int | None,
        layers: Sequence[str] | None,
        level: float | None,
        time_axis: int | None,
        device: str | None,
    ) -> None:
        self.name, self.device = name, device
        self.options: dict[str, Any] = {
            "sample_rate": sample_rate,
            "layers": layers,
            "level": level,
            "time_axis": time_axis,
        }
        self._module: nn.Module | None = None
        self._wrapped: AudioModel | None = None

    @contextmanager
    def ready(self, model: Watched) -> Iterator[AudioModel]:
        """Give the model in evaluation; afterwards the training is as it was.

        Raises
        ------
        UsageError
            If it is no model.
        UnknownNameError, InputError
            If it cannot be made one; see `heschl.wrap`.
        """
        with undisturbed():  # a function that makes a model may draw weights
            if not isinstance(model, AudioModel) and not is_module(model):
                model = _returned(model)
            if is_module(model):
                model = bare(model)
            with undisturbed(*_modules(model)):
                for module in _modules(model):
                    module.eval()
                yield model if isinstance(model, AudioModel) else self._wrap(model)

    def _wrap(self, module: nn.Module) -> AudioModel:
        """Return the same `AudioModel` as long as the module is the same: layers are looked for."""
        if self._wrapped is None or self._module is not module:
            if self.device is not None:
                raise UsageError(
                    f"device={self.device!r} for a torch module under training, which stays where "
                    "its weights are; expected no device"
                )
            _refuse_shards(module)
            self._wrapped = wrap(module, name=self.name, **self.options)
            self._module = module
        return self._wrapped


def _modules(model: Watched) -> tuple[nn.Module, ...]:
    """Return the torch module behind a model, if there is one."""
    found: Any = getattr(model, "network", None) if isinstance(model, AudioModel) else model
    return (found,) if is_module(found) else ()


def bare(module: nn.Module) -> nn.Module:
    """Return a module without what was put around it for compilation or several processes.

    Such a shell talks to the other processes when it is called, and they are not measuring.
    """
    from torch.nn.parallel import DataParallel, DistributedDataParallel

    shells = (DataParallel, DistributedDataParallel)
    found: Any = module
    while True:
        if hasattr(found, "_orig_mod"):  # torch.compile
            found = found._orig_mod
        elif isinstance(found, shells) or type(found).__name__ == "_FabricModule":
            found = found.module
        else:
            return cast("nn.Module", found)


def _refuse_shards(module: nn.Module) -> None:
    """Refuse a module of which this process has only a part: it would wait for the others."""
    for name, parameter in module.named_parameters():
        if hasattr(parameter, "ds_id") or type(parameter.data).__name__ == "DTensor":
            raise UsageError(
                f"parameter {name} is divided among processes (FSDP, DeepSpeed); expected a whole "
                "module on the main process, as with DDP. Measure checkpoints instead: heschl "
                "dynamics"
            )


def _returned(model: Watched) -> Any:
    if not callable(model):
        raise UsageError(
            f"{model!r} is no model; expected a torch module, an AudioModel, or a function without "
            "arguments that returns one"
        )
    found = model()
    if not isinstance(found, AudioModel) and not is_module(found):
        raise UsageError(
            f"{model!r} returned {type(found).__name__}; expected a torch module or an AudioModel "
            "(heschl.wrap makes one of a function of waveforms)"
        )
    return found
