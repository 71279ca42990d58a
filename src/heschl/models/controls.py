"""Controls: the same architecture with fresh weights, or with each tensor's values shuffled.

A model that predicts brain responses because of what it has learned has to beat both. Shuffled
weights keep the distribution of values in every tensor and destroy what they encode: the permuted
control of Tuckute et al., PLoS Biol. 21(12) e3002366 (2023).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from heschl.errors import UsageError


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's generator (of the CPU) while the block runs, and leave it as it was after."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def permute(network: torch.nn.Module, seed: int) -> None:
    """Shuffle the values of every tensor of a network's state, each by itself, in place.

    Parameters
    ----------
    network : torch.nn.Module
        Weights, biases and statistics are shuffled; a tensor that several submodules share is
        shuffled once. Tensors of one value, or of whole numbers, stay.
    seed : int
        The order depends on it and on the name and size of the tensor alone.
    """
    stored = set(network.state_dict())
    tensors = [*network.named_parameters(), *network.named_buffers()]
    for name, tensor in tensors:
        if name not in stored or tensor.numel() < 2 or not tensor.is_floating_point():
            continue
        digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
        order = np.random.default_rng(list(digest)).permutation(tensor.numel())
        index = torch.from_numpy(order).to(tensor.device)
        tensor.data = tensor.detach().reshape(-1)[index].reshape(tensor.shape)


def reset(network: torch.nn.Module, seed: int) -> None:
    """Draw the weights of any network anew, by what its submodules offer for that.

    Parameters
    ----------
    network : torch.nn.Module
        Every parameter has to belong to a submodule with a method ``reset_parameters`` (as torch's
        own have).
    seed : int

    Raises
    ------
    UsageError
        If a parameter would keep its value; it is named, and nothing is changed.
    """
    ways = {
        path: method
        for path, module in network.named_modules()
        for method in [
            getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
        ]
        if callable(method)
    }
    for name, _ in network.named_parameters():
        owners = {name[:i] for i in range(len(name)) if name[i] == "."} | {""}
        if not owners & set(ways):
            raise UsageError(
                f"parameter {name!r} cannot be drawn anew: no module that holds it has a method "
                "reset_parameters. Give it one, or bring a freshly made model yourself"
            )
    with seeded(seed):
        for method in reversed(ways.values()):  # as when they were made: parts before the whole
            method()
