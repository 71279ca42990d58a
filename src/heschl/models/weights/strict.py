"""Filling a network with the tensors of a checkpoint, every one accounted for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heschl.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

_SHOWN = 3

#: Types of floating-point numbers that become float32; smaller ones have been scaled or packed.
FLOATS = ("float16", "bfloat16", "float32", "float64")


def load_strict(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    source: str | Path,
    unused: Sequence[str] = (),
) -> None:
    """Put the tensors of a checkpoint in the place of those of a network.

    Nothing is copied unless its type changes: the network may be on the meta device, and its
    parameters may be mapped from the file.

    Parameters
    ----------
    network : torch.nn.Module
        Its parameters and buffers are replaced; none of them asks for a gradient afterwards.
        Floating-point ones are float32, integer ones keep the type they have in the network.
    tensors : mapping of str to Tensor
        By the names that the network gives them in its ``state_dict``.
    source : str or Path
        Where they come from, for messages.
    unused : sequence of str
        Regular expressions of the whole names of tensors that the network has no use for.

    Raises
    ------
    InputError
        If a tensor is missing, is not expected, or has another shape or kind than the network's, if
        a weight is nan or infinite, or if one that the network shares between layers has several
        values; the tensor is named, and the network is as it was.
    """
    state = network.state_dict(keep_vars=True)
    _assign(network, state, _matching(state, tensors, unused, source))
    _check_whole(network, source)


def copy_strict(network: nn.Module, tensors: Mapping[str, Tensor], *, source: str | Path) -> None:
    """Copy the tensors of a checkpoint into those of a network, which stay the same objects.

    For a network under training, whose parameters an optimiser holds; they ask for a gradient if
    they did before.

    Parameters
    ----------
    network : torch.nn.Module
    tensors : mapping of str to Tensor
    source : str or Path
        Where they come from, for messages.

    Raises
    ------
    InputError
        As `load_strict`; the network is as it was.
    """
    import torch

    state = network.state_dict(keep_vars=True)
    found = _matching(state, tensors, (), source)
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(found[name])


def _matching(
    state: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    unused: Sequence[str],
    source: str | Path,
) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint that belong to a state, every one accounted for."""
    _check_names(state.keys(), tensors.keys(), unused, source)
    _check_shapes(state, tensors, source)
    found = _prepared(state, tensors, source)
    _check_shared(state, found, source)
    return found


def _check_names(
    expected: Collection[str], found: Collection[str], unused: Sequence[str], source: str | Path
) -> None:
    missing = [name for name in expected if name not in found]
    if missing:
        raise InputError(
            f"{source}: {_listed(missing, 'tensor')} missing of {len(expected)}; expected the "
            "published checkpoint of this model. Fetch it again, or check that it is the right one"
        )
    patterns = [re.compile(pattern) for pattern in unused]
    unexpected = [
        name
        for name in found
        if name not in expected and not any(pattern.fullmatch(name) for pattern in patterns)
    ]
    if unexpected:
        raise InputError(
            f"{source}: {_listed(unexpected, 'tensor')} not expected beside the {len(expected)} of "
            "this model; it is the checkpoint of another one. Check which one it is"
        )


def _check_shapes(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], source: str | Path
) -> None:
    for name, tensor in expected.items():
        shape, wanted = tuple(found[name].shape), tuple(tensor.shape)
        if shape != wanted:
            raise InputError(
                f"{source}: tensor {name} has shape {shape}; expected {wanted}. It is the "
                "checkpoint of another model"
            )


def _prepared(
    state: Mapping[str, Tensor], tensors: Mapping[str, Tensor], source: str | Path
) -> dict[str, Tensor]:
    """Return the tensors in the types of the network, those that are one object still one."""
    done: dict[Any, Tensor] = {}
    out = {}
    for name, wanted in state.items():
        tensor = tensors[name].detach()
        # the same piece of one storage: two names of one tensor, as saved from shared modules
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, wanted.dtype)
        if place not in done:
            done[place] = _typed(name, tensor, wanted, source)
        out[name] = done[place]
    return out


def _typed(name: str, tensor: Tensor, wanted: Tensor, source: str | Path) -> Tensor:
    import torch

    kind = str(tensor.dtype).removeprefix("torch.")
    if wanted.is_floating_point():
        if kind not in FLOATS:
            raise InputError(
                f"{source}: tensor {name} has numbers of type {kind}; expected one of "
                f"{', '.join(FLOATS)}"
            )
        values = tensor.to(torch.float32).contiguous()
        _check_finite(name, values, source)
        return values
    if tensor.is_floating_point() or tensor.is_complex() or tensor.is_quantized:
        raise InputError(f"{source}: tensor {name} has numbers of type {kind}; expected integers")
    return tensor.to(wanted.dtype).contiguous()


def _check_finite(name: str, tensor: Tensor, source: str | Path) -> None:
    """Find nan and infinities by the extremes, which needs no copy."""
    import torch

    if not tensor.numel():
        return
    extremes = torch.stack(torch.aminmax(tensor)).double()
    if not bool(torch.isfinite(extremes).all()):
        n_bad = int((~torch.isfinite(tensor)).sum())
        raise InputError(
            f"{source}: tensor {name} has {n_bad} values of {tensor.numel()} that are nan or "
            "infinite; expected finite weights. The file is damaged: fetch it again"
        )


def _check_shared(
    state: Mapping[str, Tensor], found: Mapping[str, Tensor], source: str | Path
) -> None:
    """Refuse two values of one tensor of the network."""
    import torch

    first: dict[int, str] = {}
    for name, tensor in state.items():
        other = first.setdefault(id(tensor), name)
        if found[other] is not found[name] and not torch.equal(found[other], found[name]):
            raise InputError(
                f"{source}: tensors {other} and {name} differ; expected the same values, because "
                "this model shares them. It is the checkpoint of another model"
            )


def _assign(network: nn.Module, state: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Replace parameters and buffers; what was one object in the network stays one."""
    import torch

    fresh: dict[int, Tensor] = {}
    for name, old in state.items():
        path, _, leaf = name.rpartition(".")
        module = network.get_submodule(path)
        if isinstance(old, torch.nn.Parameter) and id(old) not in fresh:
            fresh[id(old)] = torch.nn.Parameter(found[name], requires_grad=False)
        # by setattr: an LSTM keeps a list of its parameters besides
        setattr(module, leaf, fresh.setdefault(id(old), found[name]))
    network.requires_grad_(False)


def _check_whole(network: nn.Module, source: str | Path) -> None:
    named = (*network.named_parameters(), *network.named_buffers())
    empty = [name for name, tensor in named if tensor.is_meta]
    if empty:
        raise InputError(
            f"{source}: {_listed(empty, 'tensor')} without values, because the state of the "
            "network does not list them; expected one that computes such tables when it runs"
        )


def _listed(names: Sequence[str], noun: str) -> str:
    """Name the first few: "2 tensors a, b are"."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    shown = ", ".join(names[:_SHOWN])
    is_one = len(names) == 1
    return f"{len(names)} {noun}{'' if is_one else 's'} ({shown}{more}) {'is' if is_one else 'are'}"
