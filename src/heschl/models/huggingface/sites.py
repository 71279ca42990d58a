"""Where an encoder of transformers can be tapped: every submodule, and where its time is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from heschl.errors import InputError
from heschl.models.base import POOLING
from heschl.models.huggingface.frontends import FrontEnd, Window
from heschl.models.network import Layer
from heschl.models.tracing import (
    VECTOR,
    Output,
    frames_along,
    growing_axis,
    n_parameters,
    stacks,
    tensor_of,
    trace,
)
from heschl.models.user.probing import probe

#: Modules whose output has its channels second and time last.
_CHANNELS_FIRST = (nn.Conv1d, nn.BatchNorm1d, nn.GroupNorm)

Inputs = Callable[[Tensor], Mapping[str, Tensor]]
Frames = Callable[[Any], Tensor]


def find_sites(
    network: nn.Module, front_end: FrontEnd, inputs: Inputs, sounding: Callable[[Tensor], Tensor]
) -> dict[str, Layer]:
    """Run an encoder on a sound or two and find what of it can be a layer.

    Parameters
    ----------
    network : torch.nn.Module
    front_end : FrontEnd
    inputs : callable
        Makes the network's arguments of waveforms.
    sounding : callable
        Leaves out the frames beyond the end of the sound.

    Returns
    -------
    dict of str to Layer
        By path, in order of execution; submodules with a row for each sound. All are extra. Where
        the network's input grows with the sound, time is the axis that grows, and there are no
        frames without one; in a window of fixed length, it is told by the kind of submodule.
    """
    window = front_end.window
    if window is not None:
        outputs = _outputs(network, inputs, probe(front_end.sample_rate, 1.0)[:1])
        return {
            path: _fixed_site(path, network.get_submodule(path), output, window, sounding)
            for path, output in outputs.items()
        }
    longer = _outputs(network, inputs, probe(front_end.sample_rate, 1.0))
    shorter = _outputs(network, inputs, probe(front_end.sample_rate, 0.5))
    found = {
        path: _growing_site(path, shorter[path], output)
        for path, output in longer.items()
        if path in shorter
    }
    return {path: site for path, site in found.items() if site is not None}


def block_paths(network: nn.Module) -> list[str]:
    """Paths of the blocks of an encoder: the elements of its list with the most parameters."""
    lists = stacks(network)
    inside = {path: stack for path, stack in lists.items() if path.startswith("encoder.")}
    lists = inside or lists
    if not lists:
        return [path for path, _ in network.named_children()]
    largest = max(lists, key=lambda path: n_parameters([lists[path]]))
    return [f"{largest}.{element}" for element, _ in lists[largest].named_children()]


def _outputs(network: nn.Module, inputs: Inputs, waveforms: Any) -> dict[str, Output]:
    arguments = inputs(torch.from_numpy(waveforms))
    return {
        path: output
        for path, output in trace(network, lambda: network(**arguments)).items()
        if len(output.shape) > 1 and output.shape[0] == len(waveforms)
    }


def _fixed_site(
    path: str,
    module: nn.Module,
    output: Output,
    window: Window,
    sounding: Callable[[Tensor], Tensor],
) -> Layer:
    """Return the layer of a submodule whose output is as long for every sound."""
    if len(output.shape) == 2:
        return Layer(path, frames_along(None), VECTOR, extra=True)
    positions: Frames = frames_along(1)
    if len(output.shape) > 3 or isinstance(module, _CHANNELS_FIRST):
        positions = _all_positions
    if window.sound_only:
        return Layer(path, lambda found: sounding(positions(found)), window.pooling, extra=True)
    return Layer(path, positions, window.pooling, extra=True)


def _growing_site(path: str, shorter: Output, longer: Output) -> Layer | None:
    try:
        axis = growing_axis(shorter.shape, longer.shape, path)
    except InputError:
        return None  # attention over time and time: no layer
    return Layer(path, frames_along(axis), VECTOR if axis is None else POOLING, extra=True)


def _all_positions(output: Any) -> Tensor:
    """(n_sounds, n_channels, ...) with all positions in one axis."""
    return tensor_of(output).flatten(2)
