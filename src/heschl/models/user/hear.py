"""Modules with the HEAR API as models."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from heschl.errors import HeschlError, InputError, UsageError
from heschl.models.base import POOLING
from heschl.models.network import Layer, NetworkModel
from heschl.models.tracing import VECTOR, Output, frames_along, growing_axis, trace
from heschl.models.user.devices import device_of
from heschl.models.user.importing import current_directory_first, import_module
from heschl.models.user.probing import probe, probed_identity, users_code
from heschl.models.user.wrapping import whole_hertz

TIMESTAMP, SCENE = "timestamp", "scene"
_FUNCTIONS = {TIMESTAMP: "get_timestamp_embeddings", SCENE: "get_scene_embeddings"}


class HearNetwork(nn.Module):
    """The functions of a HEAR module as one network, whose submodules pass their results on.

    Parameters
    ----------
    module : module
        With the functions.
    model : object
        What its ``load_model`` returned.

    Attributes
    ----------
    wanted : frozenset of str
        Which results the next pass has to give.
    """

    def __init__(self, module: ModuleType, model: Any) -> None:
        super().__init__()
        self.loaded = model  # a submodule if it is one of torch
        self.timestamp = nn.Identity()
        self.scene = nn.Identity()
        self._functions = {
            kind: getattr(module, name)
            for kind, name in _FUNCTIONS.items()
            if callable(getattr(module, name, None))
        }
        self.wanted = frozenset(self._functions)

    def forward(self, waveforms: Tensor) -> None:
        """Pass the embeddings of (n_sounds, n_samples) on: ``timestamp`` first, then ``scene``."""
        if TIMESTAMP in self.wanted:
            found = self._functions[TIMESTAMP](waveforms, self.loaded)
            self.timestamp(_embeddings(found, TIMESTAMP, waveforms))
        if SCENE in self.wanted:
            found = self._functions[SCENE](waveforms, self.loaded)
            self.scene(_embeddings(found, SCENE, waveforms))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which embeddings the module gives."""
        return tuple(self._functions)


class HearModel(NetworkModel):
    """A module with the HEAR API; see `heschl.models.user.load_hear`.

    Parameters
    ----------
    name : str
    network : HearNetwork
    sample_rate : int
        In Hz.
    """

    def __init__(self, name: str, network: HearNetwork, sample_rate: int) -> None:
        self._main = network.kinds[0]
        sites = {
            TIMESTAMP: Layer(TIMESTAMP, frames_along(1), POOLING),
            SCENE: Layer(SCENE, frames_along(None), VECTOR, extra=self._main != SCENE),
        }
        with users_code(f"{name}, given 2 sounds of 1 and 2 s,"):
            layers = _submodules(network, sample_rate, self._main)
        super().__init__(
            name=name,
            network=network,
            sample_rate=sample_rate,
            layers=layers | {kind: sites[kind] for kind in network.kinds},
            architecture={},
        )
        self._device = device_of(network)  # where load_model has put it

    @classmethod
    def load(cls, module: str, weights: str | None) -> Self:
        """Import a module and load its model; as `heschl.models.user.load_hear`."""
        imported = import_module(module)
        _check_functions(imported)
        with current_directory_first(), users_code(f"load_model of {module}"):
            model = _load(imported.load_model, weights)
        rate = whole_hertz(getattr(model, "sample_rate", None))
        if rate is None:
            raise UsageError(
                f"load_model of {module} returned a {type(model).__name__} whose sample_rate is "
                f"{getattr(model, 'sample_rate', 'not there')!r}; expected, as the HEAR API asks "
                "for, a whole number of Hz"
            )
        return cls(f"hear:{module}", HearNetwork(imported, model), rate)

    def _record(self, waveforms: Any, chosen: Sequence[str], kept: Any) -> None:
        network: Any = self.network
        network.wanted = frozenset(
            kind
            for kind in network.kinds  # submodules are recorded while the main function runs
            if kind in chosen or (kind == self._main and set(chosen) - set(network.kinds))
        )
        super()._record(waveforms, chosen, kept)

    def shapes(self, n_samples: int) -> dict[str, tuple[int, ...]]:
        """Return the shape (..., n_frames) of every layer for one waveform of so many samples."""
        network: Any = self.network
        network.wanted = frozenset(network.kinds)
        return super().shapes(n_samples)

    def identity(self) -> dict[str, Any]:
        """Hash of the outputs for two fixed waveforms: whatever changes them changes the key."""
        return probed_identity(self)


def _check_functions(module: ModuleType) -> None:
    absent = [
        name
        for name in ("load_model", *_FUNCTIONS.values())
        if not callable(getattr(module, name, None))
    ]
    if "load_model" in absent or len(absent) == len(_FUNCTIONS):
        raise UsageError(
            f"module {module.__name__} has no {' and no '.join(absent)}; expected the HEAR API: "
            "load_model, and get_timestamp_embeddings or get_scene_embeddings"
        )


def _load(load_model: Callable[..., Any], weights: str | None) -> Any:
    """Call ``load_model`` with the file, or with none if it can do without."""
    if weights is not None:
        path = Path(weights).expanduser()
        if not path.exists():
            raise UsageError(f"{weights}: no such file; expected weights that load_model takes")
        return load_model(str(path))
    try:
        inspect.signature(load_model).bind()
    except TypeError:
        return load_model("")  # as HEAR calls a model without a file
    return load_model()


def _embeddings(found: Any, kind: str, waveforms: Tensor) -> Tensor:
    """Check and return the embeddings of a function: (n, n_frames, n_features) or (n, n_features).

    Raises
    ------
    InputError
    """
    n_axes, expected = (3, "(n_sounds, n_timestamps, n_features) and timestamps")
    if kind == SCENE:
        n_axes, expected = 2, "(n_sounds, n_features)"
    elif isinstance(found, tuple | list):
        found = found[0]
    try:
        tensor = found if isinstance(found, Tensor) else torch.from_numpy(np.array(found))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{_FUNCTIONS[kind]} returned a {type(found).__name__}; expected a tensor {expected}"
        ) from error
    if tensor.ndim != n_axes or len(tensor) != len(waveforms) or not tensor.is_floating_point():
        raise InputError(
            f"{_FUNCTIONS[kind]} returned {tensor.dtype} of shape {tuple(tensor.shape)} for "
            f"{len(waveforms)} sounds; expected real numbers {expected}"
        )
    return tensor


def _submodules(network: HearNetwork, sample_rate: int, main: str) -> dict[str, Layer]:
    """Submodules of a torch model that can be layers: called once a pass, one row for each sound.

    Many HEAR modules cut sounds into frames and put these through the network as if they were
    sounds; what is called so has other rows, or is called several times, and is left out.
    """
    if not isinstance(network.loaded, nn.Module):
        return {}
    network.wanted = frozenset({main})
    network.eval()
    longer = _outputs(network, probe(sample_rate))
    shorter = _outputs(network, probe(sample_rate, 1.0))
    layers: dict[str, Layer] = {}
    for path, output in longer.items():
        name = path.removeprefix("loaded.")
        if name == path or name in _FUNCTIONS or path not in shorter:
            continue
        try:
            axis = growing_axis(shorter[path].shape, output.shape, name)
        except HeschlError:
            continue  # time cannot be told: no layer
        pooling = VECTOR if axis is None else POOLING
        layers[name] = Layer(path, frames_along(axis), pooling, extra=True)
    return layers


def _outputs(network: HearNetwork, waveforms: Any) -> Mapping[str, Output]:
    x = torch.from_numpy(waveforms).to(device_of(network))
    return {
        path: output
        for path, output in trace(network, lambda: network(x)).items()
        if output.n_calls == 1 and len(output.shape) > 1 and output.shape[0] == len(x)
    }
