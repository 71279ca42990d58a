"""Hooks: what submodules put out while a network runs, kept whole or as averages over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from heschl.errors import InputError
from heschl.models.base import FloatArray


class Kept(Protocol):
    """Where a recorder puts the frames of a layer."""

    def add(self, layer: str, frames: Tensor) -> None:
        """Take frames (n_sounds, ..., n_frames), which may change after this call."""
        ...


class Frames:
    """All frames of the layers, on the CPU."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[FloatArray]] = {}

    def add(self, layer: str, frames: Tensor) -> None:
        """Keep a copy."""
        copy = frames.detach().to(device="cpu", dtype=torch.float32, copy=True)
        self._pieces.setdefault(layer, []).append(copy.numpy())

    def joined(self, layer: str) -> FloatArray:
        """Frames of all pieces, shape (n_sounds, ..., n_frames)."""
        pieces = self._pieces[layer]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-1)


class Averages:
    """Sums over the frames of the layers, on the device where they come from.

    In double precision where the device has it: the mean of a layer may nearly cancel.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, layer: str, frames: Tensor) -> None:
        """Add the sum over frames, and their number."""
        dtype = torch.float32 if frames.device.type == "mps" else torch.float64
        total = frames.detach().sum(dim=-1, dtype=dtype)
        if layer in self._sums:
            self._sums[layer] += total
            self._counts[layer] += frames.shape[-1]
        else:
            self._sums[layer] = total
            self._counts[layer] = frames.shape[-1]

    def vectors(self, layer: str) -> FloatArray:
        """Mean over the frames of all pieces, shape (n_sounds, n_features)."""
        mean = self._sums[layer] / self._counts[layer]
        return mean.flatten(1).to(torch.float32).cpu().numpy()


class Shapes:
    """Shapes of the layers, of one piece."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, ...]] = {}

    def add(self, layer: str, frames: Tensor) -> None:
        """Note the shape without the axis of sounds."""
        self.found.setdefault(layer, tuple(frames.shape[1:]))


class _EnoughError(Exception):
    """Ends a forward pass of which nothing more is wanted."""


class Recorder:
    """Forward hooks on submodules; a context that removes them at its end.

    Parameters
    ----------
    name : str
        Of the model, for messages.
    network : torch.nn.Module
    taken : mapping of str to (str, callable)
        For each layer the path of its submodule, and what makes frames (n_sounds, ..., n_frames) of
        its output.
    kept : Kept
        Where they go.
    n_sounds : int
    """

    def __init__(
        self,
        name: str,
        network: torch.nn.Module,
        taken: Mapping[str, tuple[str, Callable[[Any], Tensor]]],
        kept: Kept,
        n_sounds: int,
    ) -> None:
        self._name = name
        self._network = network
        self._taken = dict(taken)
        self._kept = kept
        self._n_sounds = n_sounds
        self._missing: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for layer, (path, frames) in self._taken.items():
                module = self._network.get_submodule(path)
                handle = module.register_forward_hook(self._hook(layer, frames))
                stack.callback(handle.remove)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def once(self, run: Callable[[Any], None], inputs: Any) -> None:
        """Run one forward pass until every layer has been recorded.

        Raises
        ------
        InputError
            If the pass ends before that, or a layer has another shape than it should.
        """
        self._missing = set(self._taken)
        try:
            run(inputs)
        except _EnoughError:
            return
        if self._missing:
            layer = next(name for name in self._taken if name in self._missing)
            raise InputError(
                f"{self._name}, layer {layer!r} was not reached: {self._taken[layer][0]!r} is no "
                "part of the forward pass; choose other layers"
            )

    def _hook(self, layer: str, frames: Callable[[Any], Tensor]) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, output: Any) -> None:
            if layer not in self._missing:
                return
            found = frames(output)
            if found.ndim < 2 or len(found) != self._n_sounds or found.numel() == 0:
                raise InputError(
                    f"{self._name}, layer {layer!r}: shape {tuple(found.shape)} for "
                    f"{self._n_sounds} sounds; expected (n_sounds, ..., n_frames), one row for "
                    "each sound and at least one frame"
                )
            self._kept.add(layer, found)
            self._missing.discard(layer)
            if not self._missing:
                raise _EnoughError

        return hook
