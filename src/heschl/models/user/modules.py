"""Torch modules as models: their submodules' outputs are the layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from heschl.errors import InputError
from heschl.models.base import POOLING, FloatArray
from heschl.models.network import Layer, NetworkModel
from heschl.models.tracing import (
    VECTOR,
    Output,
    frames_along,
    growing_axis,
    n_parameters,
    stacks,
    trace,
)
from heschl.models.user.devices import device_of
from heschl.models.user.probing import probe, probed_identity, users_code
from heschl.registry import unknown_name

_SHOWN = 20


class TorchModel(NetworkModel):
    """A torch module whose submodules' outputs are recorded; see `wrap`.

    It runs in evaluation mode, on the device where its weights are; afterwards it is in the mode it
    was in before. Of a submodule that is called several times, the first output counts.
    """

    def __init__(
        self,
        module: nn.Module,
        sample_rate: int,
        layers: Sequence[str] | None,
        level: float | None,
        name: str,
        time_axis: int | None,
    ) -> None:
        paths = [path for path, _ in module.named_modules() if path]
        for layer in layers or ():
            if layer not in paths:
                raise unknown_name(f"layer of {name}", layer, paths)
        wanted = block_paths(module) if layers is None else list(layers)
        with users_code(f"{name}, given 2 sounds of 1 and 2 s,"), _evaluating(module):
            sites = _sites(module, sample_rate, wanted, time_axis)
        missing = [path for path in wanted if path not in sites]
        if len(missing) == len(wanted) or (missing and layers is not None):
            raise InputError(
                f"{name}: no tensor of real numbers, one row for each sound, is put out by "
                f"{', '.join(missing) or 'its submodules'}; say which do: layers=[...] out of "
                f"{', '.join(paths[:_SHOWN])}{', ...' if len(paths) > _SHOWN else ''}"
            )
        with _left_as_it_is(module):
            super().__init__(
                name=name,
                network=module,
                sample_rate=sample_rate,
                layers=sites,
                architecture={},
                level=level,
            )

    @property
    def device(self) -> str:
        """Where the module's weights are now."""
        return str(device_of(self.network))

    def _record(self, waveforms: FloatArray, chosen: Sequence[str], kept: Any) -> None:
        self._device = device_of(self.network)  # its user may have moved it
        with _evaluating(self.network):
            super()._record(waveforms, chosen, kept)

    def shapes(self, n_samples: int) -> dict[str, tuple[int, ...]]:
        """Return the shape (..., n_frames) of every layer for one waveform of so many samples."""
        with _evaluating(self.network):
            return super().shapes(n_samples)

    def identity(self) -> dict[str, Any]:
        """Hash of the outputs for two fixed waveforms: whatever changes them changes the key."""
        return probed_identity(self)


def block_paths(module: nn.Module) -> list[str]:
    """Paths of the blocks of a module: its layers unless others are chosen.

    These are the elements of its outermost lists (``ModuleList``, ``Sequential``) if more than half
    of its parameters are in such lists, else its direct children.
    """
    found = stacks(module)
    if 2 * n_parameters(list(found.values())) > n_parameters([module]):
        return [
            f"{path}.{element}" if path else element
            for path, stack in found.items()
            for element, _ in stack.named_children()
        ]
    return [path for path, _ in module.named_children()]


def _sites(
    module: nn.Module, sample_rate: int, wanted: Sequence[str], time_axis: int | None
) -> dict[str, Layer]:
    """Find where time is in the submodules' outputs; those that are not wanted become extra."""
    longer = _outputs(module, probe(sample_rate))
    shorter = {} if time_axis is not None else _outputs(module, probe(sample_rate, 1.0))
    sites = {}
    for path, output in longer.items():
        try:
            axis = (
                _checked_axis(time_axis, output.shape, path)
                if time_axis is not None
                else _axis(path, shorter, output)
            )
        except InputError:
            if path in wanted:
                raise
            continue  # nobody asked for it
        pooling = VECTOR if axis is None else POOLING
        sites[path] = Layer(path, frames_along(axis), pooling, extra=path not in wanted)
    return sites


def _outputs(module: nn.Module, waveforms: FloatArray) -> dict[str, Output]:
    """Return what submodules put out that have one row for each of the sounds."""
    x = torch.from_numpy(np.ascontiguousarray(waveforms)).to(device_of(module))
    found = trace(module, lambda: module(x))
    return {
        path: output
        for path, output in found.items()
        if len(output.shape) > 1 and output.shape[0] == len(x)
    }


def _axis(path: str, shorter: Mapping[str, Output], output: Output) -> int | None:
    if path not in shorter:
        raise InputError(
            f"layer {path!r} is reached with a sound of 2 s, not with one of 1 s; expected both"
        )
    return growing_axis(shorter[path].shape, output.shape, path)


def _checked_axis(axis: int, shape: tuple[int, ...], path: str) -> int | None:
    """Return the axis that a user gave, where outputs have one; (n_sounds, n_features) has none."""
    if len(shape) == 2:
        return None
    if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
        raise InputError(f"layer {path!r}: time_axis {axis} does not fit outputs of shape {shape}")
    return axis


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Switch to evaluation, and every submodule back to what it was."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


@contextmanager
def _left_as_it_is(module: nn.Module) -> Iterator[None]:
    """Undo what is done to mode and gradients: the module belongs to its user."""
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    with _evaluating(module):
        yield
    for parameter in learning:
        parameter.requires_grad = True
