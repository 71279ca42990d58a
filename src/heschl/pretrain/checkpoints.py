"""Checkpoints of a training: a folder each, whole or not there.

``model.pt`` has the layout of the published checkpoints (``state_dict``, ``config``, ``imports``),
so it is read like them. ``training.safetensors`` holds what going on needs besides: the moments of
the optimiser and the scale of half precision. There are no random states to be kept: every draw is
a function of the seed and its number. Only the last two checkpoints keep it; it is twice as large
as the weights.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from heschl import store
from heschl.errors import DamagedEntryError, HeschlError, InputError
from heschl.models.references import CHECKPOINT, CHECKPOINTS
from heschl.models.weights import copy_strict, read_contents

TRAINING = "training.safetensors"
KEPT = 2  # checkpoints that a training can go on from
_NAME = re.compile(r"step-(\d{8,})")


@dataclass(frozen=True)
class Saved:
    """A checkpoint that is there.

    Attributes
    ----------
    folder : Path
    step : int
        Optimiser steps done.
    """

    folder: Path
    step: int

    @property
    def resumable(self) -> bool:
        """Whether a training can go on from it."""
        return (self.folder / TRAINING).is_file()


def saved(run: Path) -> list[Saved]:
    """Return the checkpoints of a run by step."""
    found = [
        Saved(path, int(match[1]))
        for path in (run / CHECKPOINTS).glob("step-*")
        if (match := _NAME.fullmatch(path.name)) and (path / CHECKPOINT).is_file()
    ]
    return sorted(found, key=lambda one: one.step)


def remove_partial(run: Path) -> None:
    """Remove what a process left behind that was killed while it wrote a checkpoint."""
    for partial in (run / CHECKPOINTS).glob(".*.tmp"):
        shutil.rmtree(partial, ignore_errors=True)


def save(
    run: Path,
    step: int,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    config: str,
    numbers: Mapping[str, Any],
) -> Saved:
    """Write a checkpoint; take from older ones what only going on needs.

    Parameters
    ----------
    run : Path
    step : int
        Optimiser steps done.
    network : torch.nn.Module
    optimizer : torch.optim.Optimizer
        Of all parameters that are trained.
    config : str
        The gin text.
    numbers : mapping
        What else going on needs, JSON-ready.

    Raises
    ------
    HeschlError
        If a weight is not finite; nothing is written.
    StoreError
        If it cannot be written; earlier ones are as they were.
    """
    check_finite(network, step)
    parent = store.make_folder(run / CHECKPOINTS)
    place = parent / f"step-{step:08d}"
    partial = parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with store.writing(place):
            partial.mkdir()
        _write_model(partial / CHECKPOINT, network, config)
        _write_training(partial / TRAINING, network, optimizer, {"step": step, **numbers})
        with store.writing(place):
            if place.exists():  # of a run that was cut off after it and went on from before
                shutil.rmtree(place)
            partial.rename(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for older in saved(run)[:-KEPT]:
        (older.folder / TRAINING).unlink(missing_ok=True)
    return Saved(place, step)


def check_finite(network: nn.Module, step: int) -> None:
    """Raise HeschlError if a weight is nan or infinite."""
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise HeschlError(
                f"step {step}: tensor {name} is not finite; expected numbers. The last checkpoint "
                "is from before: go on from it with a lower learning_rate, a warmup or a clip"
            )


def _write_model(path: Path, network: nn.Module, config: str) -> None:
    content = {"state_dict": network.state_dict(), "config": config, "imports": []}

    def write(temporary: Path) -> None:
        try:
            torch.save(content, temporary)
        except RuntimeError as error:  # how torch says that a disk is full
            raise OSError(str(error).splitlines()[0]) from error

    store.write_atomic(path.parent, path.name, write)


def _write_training(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, numbers: Mapping[str, Any]
) -> None:
    tensors = {
        f"{key}:{name}": torch.as_tensor(value).contiguous()
        for name, parameter in network.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }
    metadata = {"heschl": json.dumps(dict(numbers))}
    store.write_atomic(path.parent, path.name, lambda file: save_file(tensors, file, metadata))


def restore(
    checkpoint: Saved, network: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Put a checkpoint into network and optimiser.

    Returns
    -------
    dict
        The numbers it was written with.

    Raises
    ------
    InputError
        If it is of another network; the tensor is named.
    DamagedEntryError
        If it cannot be read.
    """
    take_weights(network, checkpoint.folder / CHECKPOINT)
    path = checkpoint.folder / TRAINING
    parameters = dict(network.named_parameters())
    try:
        with safe_open(path, "pt") as file:
            numbers = json.loads(file.metadata()["heschl"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DamagedEntryError(
            f"{path}: not readable ({error}); remove the folder {checkpoint.folder.name} to go on "
            "from the checkpoint before it"
        ) from error
    states: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        kind, _, name = key.partition(":")
        states.setdefault(name, {})[kind] = tensor
    if unknown := sorted(set(states) - set(parameters)):
        raise InputError(f"{path}: moments of {unknown[0]!r}, which the network does not have")
    order = [name for name, one in parameters.items() if one.requires_grad]
    content = optimizer.state_dict()
    content["state"] = {i: states[name] for i, name in enumerate(order) if name in states}
    optimizer.load_state_dict(content)
    return numbers


def take_weights(network: nn.Module, path: Path) -> None:
    """Copy the weights of a file of the same network into one under training.

    Raises
    ------
    InputError
        If a tensor is missing, left over, of another shape or not finite; it is named.
    """
    tensors = read_contents(path).state("state_dict")
    copy_strict(network, tensors, source=path)


def begin_from(network: nn.Module, path: Path) -> list[str]:
    """Take over weights of another training: all of the encoder, of the rest what fits.

    Returns
    -------
    list of str
        The tensors that keep their first values.

    Raises
    ------
    InputError
        If a tensor of the encoder is missing or of another shape: another size, or front end.
    """
    file = path / CHECKPOINT if path.is_dir() else path
    contents = read_contents(file)
    nested = "state_dict" in contents.values
    given = contents.state("state_dict") if nested else contents.state()
    own = network.state_dict()
    fits = {name: x for name, x in given.items() if name in own and x.shape == own[name].shape}
    left = [name for name in own if name not in fits]
    for name in left:
        if not name.startswith(("decoder.", "head.", "visible_encoder.post_net.")):
            there = f"has shape {tuple(given[name].shape)}" if name in given else "is missing"
            raise InputError(
                f"{file}: tensor {name} {there}; expected {tuple(own[name].shape)}, as the network "
                "of the recipe has it: give the same size and input, or leave first_weights out"
            )
    copy_strict(network, {**own, **fits}, source=file)
    return left
