"""Functions of waveforms as models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from heschl.errors import InputError
from heschl.models.base import AudioModel, FloatArray
from heschl.models.user.probing import probe, probed_identity, users_code
from heschl.registry import unknown_name

OUTPUT = "output"  # the layer of a function that returns one array


class FunctionModel(AudioModel):
    """A function of waveforms; see `wrap`."""

    def __init__(
        self,
        function: Callable[[FloatArray], Any],
        sample_rate: int,
        layers: Sequence[str] | None,
        level: float | None,
        name: str,
        time_axis: int | None,
    ) -> None:
        self.sample_rate = sample_rate
        self.level = level
        self.name = name
        self._function = function
        self._time_axis = -1 if time_axis is None else time_axis
        with users_code(f"{name}, given 2 sounds of 2 s,"):
            returned = tuple(self._call(probe(sample_rate)))
        for layer in layers or ():
            if layer not in returned:
                raise unknown_name(f"layer of {name}", layer, returned)
        self.layers = returned if layers is None else tuple(x for x in returned if x in layers)

    def _call(self, waveforms: FloatArray) -> dict[str, FloatArray]:
        value = self._function(waveforms)
        found = value if isinstance(value, Mapping) else {OUTPUT: value}
        if not found:
            raise InputError(f"{self.name} returned no layers; expected at least one array")
        return {
            str(layer): _time_last(_as_array(array, self.name), self._time_axis, self.name)
            for layer, array in found.items()
        }

    def forward(  # noqa: D102 (documented on the base class)
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        out = self._call(waveforms)
        return {layer: out[layer] for layer in self.choose(layers)}

    def identity(self) -> dict[str, object]:
        """Hash of the outputs for two fixed waveforms: whatever changes them changes the key."""
        return probed_identity(self)


def _as_array(value: Any, name: str) -> FloatArray:
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if not np.issubdtype(array.dtype, np.number) or array.ndim < 2:
        raise InputError(
            f"{name} returned an array of type {array.dtype} and shape {array.shape}; "
            "expected numbers of shape (n_sounds, ..., n_frames)"
        )
    return array.astype(np.float32)


def _time_last(array: FloatArray, axis: int, name: str) -> FloatArray:
    """Move the time axis last; without one, add one frame."""
    if array.ndim == 2:
        return array[..., None]
    if not -array.ndim <= axis < array.ndim or axis % array.ndim == 0:
        raise InputError(f"{name}: time_axis {axis} does not fit outputs of shape {array.shape}")
    return np.moveaxis(array, axis, -1)
