"""Models that a user brings: any function of waveforms, any torch module."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError, UsageError
from heschl.models.base import AudioModel, FloatArray
from heschl.registry import unknown_name

if TYPE_CHECKING:
    import torch

OUTPUT = "output"  # the layer of a function that returns one array


def wrap(
    model: Any,
    *,
    sample_rate: int | None = None,
    layers: Sequence[str] | None = None,
    level: float | None = None,
    name: str | None = None,
    time_axis: int | None = None,
) -> AudioModel:
    """Make an `AudioModel` of a function or torch module.

    Parameters
    ----------
    model : callable or torch.nn.Module
        A function takes waveforms (n_sounds, n_samples), float32, and returns an array or a
        dictionary of arrays (layer name to array), the sounds along the first axis. A module takes
        the same as a tensor; what its submodules put out is recorded.
    sample_rate : int, optional
        In Hz; by default the model's attribute ``sample_rate``.
    layers : sequence of str, optional
        For a function, the names it returns (all by default); for a module, paths of submodules as
        in ``named_modules`` (its direct children by default).
    level : float, optional
        Bring the sounds to this root mean square, mean removed; by default left as recorded.
    name : str, optional
        By default the model's attribute ``name`` or the name of its function or class.
    time_axis : int, optional
        Axis of every layer's output (counted with the axis of sounds) over which activations are
        averaged. By default the last for functions; for modules, the axis that grows with the
        duration of the sound.

    Returns
    -------
    AudioModel

    Raises
    ------
    UsageError
        If the model cannot be called, or no sample rate is known.
    UnknownNameError
        If a layer does not exist.
    InputError
        If the model returns something else than arrays, or its time axis cannot be told.

    Examples
    --------
    >>> import numpy as np
    >>> model = wrap(lambda x: {"energy": x[:, None] ** 2}, sample_rate=16000, name="energy")
    >>> model.layers
    ('energy',)
    """
    rate = sample_rate if sample_rate is not None else getattr(model, "sample_rate", None)
    if not callable(model):
        raise UsageError(
            f"{model!r} is no model; expected a name, an AudioModel, a torch module or a function"
        )
    if not isinstance(rate, int) or rate <= 0:
        raise UsageError(
            f"the sample rate of {model!r} is {rate!r}; expected a whole number of Hz: say "
            "heschl.wrap(model, sample_rate=16000)"
        )
    called = name or _name_of(model)
    if _is_module(model):
        return TorchModel(model, rate, layers, level, called, time_axis)
    return FunctionModel(model, rate, layers, level, called, time_axis)


def _is_module(model: object) -> bool:
    torch = sys.modules.get("torch")  # no module exists before its user has imported torch
    return torch is not None and isinstance(model, torch.nn.Module)


def _name_of(model: object) -> str:
    for attribute in ("name", "__name__"):
        value = getattr(model, attribute, None)
        if isinstance(value, str) and value != "<lambda>":
            return value
    return type(model).__name__


def _probe(sample_rate: int, seconds: float = 2.0) -> FloatArray:
    """Two fixed waveforms, noise and a rising tone: what a model is known by."""
    n = round(seconds * sample_rate)
    noise = np.random.default_rng(0).standard_normal(n) * 0.1
    t = np.arange(n) / sample_rate
    tone = 0.1 * np.sin(2 * np.pi * (100 + 200 * t) * t)
    return np.stack([noise, tone]).astype(np.float32)


class _UserModel(AudioModel):
    """Shared: where the time axis is, and an identity made from what the model does."""

    def __init__(self, sample_rate: int, level: float | None, name: str) -> None:
        self.sample_rate = sample_rate
        self.level = level
        self.name = name

    def identity(self) -> dict[str, object]:
        """Hash of the outputs for two fixed waveforms: whatever changes them changes the key."""
        content = hashlib.sha256()
        for layer, array in self(_probe(self.sample_rate)).items():
            content.update(f"{layer}{array.shape}".encode())
            content.update(np.ascontiguousarray(array, "<f4").tobytes())
        return {"model": type(self).__name__, "probe_sha256": content.hexdigest()}


class FunctionModel(_UserModel):
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
        super().__init__(sample_rate, level, name)
        self._function = function
        self._time_axis = -1 if time_axis is None else time_axis
        returned = tuple(self._call(_probe(sample_rate)))
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


class TorchModel(_UserModel):
    """A torch module whose submodules' outputs are recorded; see `wrap`."""

    def __init__(
        self,
        module: torch.nn.Module,
        sample_rate: int,
        layers: Sequence[str] | None,
        level: float | None,
        name: str,
        time_axis: int | None,
    ) -> None:
        super().__init__(sample_rate, level, name)
        self._module = module
        paths = [path for path, _ in module.named_modules() if path]
        for layer in layers or ():
            if layer not in paths:
                raise unknown_name(f"layer of {name}", layer, paths)
        wanted = [path for path, _ in module.named_children()] if layers is None else list(layers)
        longer = self._record(_probe(sample_rate), wanted)
        self.layers = tuple(longer)  # in order of execution
        if not self.layers:
            raise InputError(
                f"{name}: none of {', '.join(wanted) or 'its submodules'} put out a tensor; say "
                f"which do: layers=[...] out of {', '.join(paths[:20])}"
            )
        if time_axis is not None:
            self._time_axes: dict[str, int | None] = dict.fromkeys(self.layers, time_axis)
        else:
            shorter = self._record(_probe(sample_rate, 1.0), wanted)
            self._time_axes = {
                layer: _growing_axis(shorter[layer].shape, longer[layer].shape, layer)
                for layer in self.layers
            }

    def _record(self, waveforms: FloatArray, paths: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Run the module as it is used, not trained, and return what submodules put out."""
        import torch

        found: dict[str, NDArray[Any]] = {}
        modules = dict(self._module.named_modules())
        parameter = next(self._module.parameters(), None)
        device = torch.device("cpu") if parameter is None else parameter.device
        with ExitStack() as stack:
            stack.enter_context(_evaluating(self._module))
            stack.enter_context(torch.inference_mode())
            for path in paths:
                handle = modules[path].register_forward_hook(_keep(found, path))
                stack.callback(handle.remove)
            self._module(torch.from_numpy(np.ascontiguousarray(waveforms)).to(device))
        return found

    def forward(  # noqa: D102 (documented on the base class)
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        chosen = self.choose(layers)
        found = self._record(waveforms, chosen)
        return {
            layer: _time_last(np.asarray(found[layer], np.float32), self._time_axes[layer], layer)
            for layer in chosen
        }


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Switch to evaluation, and every submodule back to what it was."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _keep(found: dict[str, NDArray[Any]], path: str) -> Callable[..., None]:
    def hook(_module: object, _inputs: object, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        if hasattr(first, "detach"):
            found[path] = first.detach().float().cpu().numpy().copy()

    return hook


def _growing_axis(short: tuple[int, ...], long: tuple[int, ...], layer: str) -> int | None:
    """Return the axis that differs between a shorter and a longer sound; None if none does."""
    if len(short) != len(long):
        raise InputError(f"layer {layer!r}: {len(short)} axes for 1 s, {len(long)} for 2 s")
    differing = [axis for axis in range(len(long)) if short[axis] != long[axis]]
    if len(differing) > 1:
        raise InputError(
            f"layer {layer!r}: shape {short} for 1 s of sound and {long} for 2 s; more than one "
            "axis grows: give time_axis"
        )
    return differing[0] if differing else None


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


def _time_last(array: FloatArray, axis: int | None, name: str) -> FloatArray:
    """Move the time axis last; without one, add one frame."""
    if axis is None or array.ndim == 2:
        return array[..., None]
    if not -array.ndim <= axis < array.ndim or axis % array.ndim == 0:
        raise InputError(f"{name}: time_axis {axis} does not fit outputs of shape {array.shape}")
    return np.moveaxis(array, axis, -1)
