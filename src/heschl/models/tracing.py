"""What the submodules of a network put out: found by running it, not by reading it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from heschl.errors import InputError

VECTOR = "none (no time axis)"  # pooling of a layer without frames, in words

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Output:
    """What a submodule put out while its network ran once.

    Attributes
    ----------
    shape : tuple of int
        Of its first output.
    n_calls : int
        How often it was called.
    """

    shape: Shape
    n_calls: int


def first_tensor(output: Any) -> Tensor | None:
    """Return the tensor that counts in what a submodule returns; None if there is none.

    The tensor itself, the first element of a tuple or list, the first value of a mapping (and so
    of the output objects of transformers).
    """
    if isinstance(output, Tensor):
        return output if output.is_floating_point() else None
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if isinstance(output, tuple | list) and output:
        return first_tensor(output[0])
    return None


def tensor_of(output: Any) -> Tensor:
    """Return the tensor that counts in what a submodule returns; InputError if there is none."""
    tensor = first_tensor(output)
    if tensor is None:
        raise InputError("a submodule put out no tensor of real numbers; choose other layers")
    return tensor


def trace(network: nn.Module, run: Callable[[], object]) -> dict[str, Output]:
    """Run a network once and note what its submodules put out.

    Parameters
    ----------
    network : torch.nn.Module
    run : callable
        Runs it.

    Returns
    -------
    dict of str to Output
        By path, in the order in which they were done first; those that put out no tensor of real
        numbers are left out.
    """
    shapes: dict[str, Shape] = {}
    n_calls: dict[str, int] = {}

    def hook_of(path: str) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, output: Any) -> None:
            tensor = first_tensor(output)
            if tensor is not None:
                shapes.setdefault(path, tuple(tensor.shape))
                n_calls[path] = n_calls.get(path, 0) + 1

        return hook

    with ExitStack() as stack, torch.inference_mode():
        for path, module in network.named_modules():
            if path and not _makes_weights(path):
                stack.callback(module.register_forward_hook(hook_of(path)).remove)
        run()
    return {path: Output(shape, n_calls[path]) for path, shape in shapes.items()}


def growing_axis(short: Shape, long: Shape, layer: str) -> int | None:
    """Return the axis that differs between a shorter and a longer sound; None if none does.

    Raises
    ------
    InputError
        If more than one does, or there are other numbers of axes.
    """
    if len(short) != len(long):
        raise InputError(
            f"layer {layer!r}: {len(short)} axes for a shorter sound, {len(long)} for a longer "
            "one; expected as many: leave it out"
        )
    differing = [axis for axis in range(len(long)) if short[axis] != long[axis]]
    if len(differing) > 1:
        raise InputError(
            f"layer {layer!r}: shape {short} for a shorter sound and {long} for a longer one; more "
            "than one axis grows: give time_axis"
        )
    return differing[0] if differing else None


def frames_along(axis: int | None) -> Callable[[Any], Tensor]:
    """Return what brings an output into the shape (n_sounds, ..., n_frames).

    Parameters
    ----------
    axis : int or None
        Of time; None for outputs without one, which get one frame.
    """

    def frames(output: Any) -> Tensor:
        tensor = tensor_of(output)
        if axis is None:
            return tensor.unsqueeze(-1)
        if tensor.ndim == 2:
            return tensor.unsqueeze(1)
        return tensor.movedim(axis, -1)

    return frames


def stacks(module: nn.Module) -> dict[str, nn.Module]:
    """Return the outermost lists of blocks (``ModuleList``, ``Sequential``) by their paths."""
    found: dict[str, nn.Module] = {}
    for path, part in module.named_modules():
        inside = any(path.startswith(f"{outer}.") or not outer for outer in found)
        is_list = isinstance(part, nn.ModuleList | nn.Sequential) and len(part) > 0
        if is_list and not inside and not _makes_weights(path):
            found[path] = part
    return found


def _makes_weights(path: str) -> bool:
    """Whether a submodule makes weights (a weight norm, say) instead of activations."""
    return "parametrizations" in path.split(".")


def n_parameters(modules: Sequence[nn.Module]) -> int:
    """Count the parameters of modules, shared ones once."""
    seen = {id(p): p.numel() for module in modules for p in module.parameters()}
    return sum(seen.values())
