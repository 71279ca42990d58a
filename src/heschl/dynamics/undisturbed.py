"""Measuring in the midst of a training that must not notice: everything is put back."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def undisturbed(*modules: nn.Module) -> Iterator[None]:
    """Leave a training as it was, to the bit, whatever the block does to its modules.

    Put back are the random states of Python, numpy and torch (on every device that is in use), the
    gradient mode, and of all submodules the mode, the buffers with their values (those of
    BatchNorm, say), other attributes that hold a tensor or a plain value, and whether parameters
    ask for gradients. Parameters and their gradients are not copied: the block must not write to
    them. Mixed precision is switched off inside.

    Parameters
    ----------
    *modules : torch.nn.Module
        Those under training that the block uses; none where only random states are at stake.
    """
    with ExitStack() as stack:
        stack.enter_context(_same_random_states())
        if "torch" in sys.modules:
            stack.enter_context(_same_torch(modules))
        yield


@contextmanager
def _same_random_states() -> Iterator[None]:
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the user's own
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002


@contextmanager
def _same_torch(modules: tuple[nn.Module, ...]) -> Iterator[None]:
    import torch

    on_cpu = torch.get_rng_state()
    # asking a GPU that nobody uses would set it up, which takes memory
    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    on_gpus = torch.cuda.get_rng_state_all() if in_use else None
    learning = torch.is_grad_enabled()
    parts = {id(part): part for module in modules for part in module.modules()}
    kept = [_Kept(part) for part in parts.values()]
    try:
        with ExitStack() as stack:
            for device in ("cpu", "cuda"):
                if torch.is_autocast_enabled(device):
                    stack.enter_context(torch.autocast(device, enabled=False))
            yield
    finally:
        torch.set_grad_enabled(learning)
        for one in kept:
            one.put_back()
        torch.set_rng_state(on_cpu)
        if on_gpus is not None:
            torch.cuda.set_rng_state_all(on_gpus)


class _Kept:
    """What one module has of its own, submodules apart."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.attributes = _attributes(module)
        self.buffers = dict(module._buffers)
        self.values = {
            name: buffer.detach().clone()
            for name, buffer in module._buffers.items()
            if buffer is not None
        }
        self.asking = [(one, one.requires_grad) for one in module.parameters(recurse=False)]

    def put_back(self) -> None:
        import torch

        self._put_back_attributes()
        self.module._buffers.clear()
        self.module._buffers.update(self.buffers)
        with torch.no_grad():
            for name, value in self.values.items():
                buffer = self.buffers[name]
                # writing to one that nobody touched would spoil a backward pass under way
                if buffer is not None and not torch.equal(buffer, value):
                    buffer.copy_(value)
        for parameter, asked in self.asking:
            parameter.requires_grad = asked

    def _put_back_attributes(self) -> None:
        """Give attributes their former values; a table that was kept in passing goes.

        Such a table (of positions, say) is made without gradients in the block; a training could
        not use it.
        """
        for name in _attributes(self.module).keys() - self.attributes.keys():
            del vars(self.module)[name]
        vars(self.module).update(self.attributes)


def _attributes(module: nn.Module) -> dict[str, Any]:
    """Return what a module keeps besides what torch keeps for it; its mode is among it."""
    from torch import nn

    of_torch = vars(nn.Module()).keys() - {"training"}
    return {name: value for name, value in vars(module).items() if name not in of_torch}
