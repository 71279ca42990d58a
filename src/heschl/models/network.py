"""Torch networks as models: a front end, a network, and the submodules whose outputs are layers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from heschl.errors import InputError, UsageError
from heschl.models.base import POOLING, AudioModel, FloatArray, _checked
from heschl.models.memory import LiveBytes
from heschl.models.recording import Averages, Frames, Recorder, Shapes
from heschl.threads import map_threads


@dataclass(frozen=True)
class Layer:
    """Where a layer is in a network, and what of a submodule's output it is.

    Attributes
    ----------
    path : str
        Of the submodule, as in ``named_modules``.
    frames : callable
        Takes what the submodule returns and gives a tensor (n_sounds, ..., n_frames), time last;
        one frame for what has no time axis.
    pooling : str
        In words, how it becomes one vector for each sound.
    published : str or None
        The key under which published activations have it.
    extra : bool
        Computed only if it is asked for by name.
    """

    path: str
    frames: Callable[[Any], Tensor]
    pooling: str = POOLING
    published: str | None = None
    extra: bool = False


class NetworkModel(AudioModel):
    """A torch network with a front end.

    Families derive from it and override `inputs` (the front end), where needed also `pieces` and
    `run`.

    Parameters
    ----------
    name : str
    network : torch.nn.Module
        Is switched to evaluation.
    sample_rate : int
        In Hz.
    layers : mapping of str to Layer
        By name, in order of execution.
    architecture : mapping
        What determines the outputs besides the weights, JSON-ready; part of the identity. It names
        the kind of model and a version that is raised whenever its numbers change.
    level : float, optional
        Root mean square of the waveforms, mean removed; by default as they were recorded.
    chunk_samples : int, optional
        Longer waveforms are cut into consecutive pieces of so many samples, of which the last may
        be shorter; the frames of all are put together. By default nothing is cut.
    smallest_chunk : int, optional
        A last piece of fewer samples is left out.
    """

    def __init__(
        self,
        *,
        name: str,
        network: torch.nn.Module,
        sample_rate: int,
        layers: Mapping[str, Layer],
        architecture: Mapping[str, Any],
        level: float | None = None,
        chunk_samples: int | None = None,
        smallest_chunk: int = 1,
    ) -> None:
        self.name = name
        self.network = network.eval().requires_grad_(requires_grad=False)
        self.sample_rate = sample_rate
        self.level = level
        self.chunk_samples = chunk_samples
        self.smallest_chunk = smallest_chunk
        self.architecture = dict(architecture)
        self._sites = dict(layers)
        self._device = torch.device("cpu")

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        """Layers in order of execution, without the extra ones."""
        return tuple(name for name, layer in self._sites.items() if not layer.extra)

    @property
    def extra_layers(self) -> tuple[str, ...]:  # type: ignore[override]
        """Layers that have to be asked for by name."""
        return tuple(name for name, layer in self._sites.items() if layer.extra)

    def every_layer(self) -> tuple[str, ...]:
        """Return all layers in order of execution."""
        return tuple(self._sites)

    def site(self, layer: str) -> Layer:
        """Return where a layer is."""
        return self._sites[layer]

    def choose(self, layers: Sequence[str] | None) -> tuple[str, ...]:
        """Check layer names, or keys of published activations, as `AudioModel.choose` does."""
        if layers is None:
            return self.layers
        by_key = {site.published: name for name, site in self._sites.items() if site.published}
        known = [name if name in self._sites else by_key.get(name, name) for name in layers]
        return super().choose(known)

    def pooling(self, layer: str) -> str:  # noqa: D102 (documented on the base class)
        (name,) = self.choose([layer])
        return self._sites[name].pooling

    @property
    def device(self) -> str:  # noqa: D102
        return str(self._device)

    def to(self, device: str) -> Self:  # noqa: D102
        try:
            self._device = torch.device(device)
            self.network.to(self._device)
        except (RuntimeError, AssertionError) as error:
            self._device = torch.device("cpu")
            self.network.to(self._device)
            raise UsageError(
                f"device {device!r}: {str(error).splitlines()[0]}; expected a device that torch "
                "has here, such as 'cpu' or 'cuda'"
            ) from error
        return self

    # what a family overrides

    def inputs(self, waveforms: Tensor) -> Any:
        """Return what the network takes: the front end.

        Parameters
        ----------
        waveforms : Tensor of float32, shape (n_sounds, n_samples)
            On the model's device, their level set.
        """
        return waveforms

    def pieces(self, inputs: Any) -> Iterator[Any]:
        """Yield what goes through the network one after the other: by default all at once."""
        yield inputs

    def run(self, inputs: Any) -> None:
        """Put one piece through the network, for its hooks."""
        self.network(inputs)

    # what is done with it

    def forward(  # noqa: D102 (documented on the base class)
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        chosen = self.choose(layers)
        frames = Frames()
        self._record(waveforms, chosen, frames)
        return {layer: frames.joined(layer) for layer in chosen}

    def vectors(  # noqa: D102
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        x, chosen = self.prepare(_checked(waveforms)), self.choose(layers)
        averages = Averages()
        self._record(x, chosen, averages)
        return {layer: averages.vectors(layer) for layer in chosen}

    def _record(
        self, waveforms: FloatArray, chosen: Sequence[str], kept: Frames | Averages
    ) -> None:
        if not chosen:
            return
        sites = {layer: self._sites[layer] for layer in chosen}
        taken = {layer: (site.path, site.frames) for layer, site in sites.items()}
        recorder = Recorder(self.name, self.network, taken, kept, len(waveforms))
        with recorder, _exact():
            for start, stop in self._chunks(waveforms.shape[1]):
                chunk = np.ascontiguousarray(waveforms[:, start:stop], np.float32)
                inputs = self.inputs(torch.from_numpy(chunk).to(self._device))
                for piece in self.pieces(inputs):
                    recorder.once(self.run, piece)

    def shapes(self, n_samples: int) -> dict[str, tuple[int, ...]]:
        """Return the shape (..., n_frames) of every layer, extra ones too, for one waveform.

        A network on the meta device, which has no values, has shapes, too.

        Parameters
        ----------
        n_samples : int
            Of the waveform; of the first piece of one that would be cut.
        """
        kept = Shapes()
        taken = {layer: (site.path, site.frames) for layer, site in self._sites.items()}
        start, stop = self._chunks(n_samples)[0]
        noise = np.random.default_rng(0).standard_normal((1, stop - start), dtype=np.float32)
        device = next(self.network.parameters(), torch.empty(0)).device
        with Recorder(self.name, self.network, taken, kept, 1) as recorder, _exact():
            inputs = self.inputs(torch.from_numpy(0.05 * noise).to(self._device))
            piece = next(self.pieces(inputs))
            recorder.once(self.run, tree_map_only(torch.Tensor, lambda x: x.to(device), piece))
        return {layer: kept.found[layer] for layer in self._sites}

    def _chunks(self, n_samples: int) -> list[tuple[int, int]]:
        """Start and stop of each piece of a waveform, in samples."""
        if self.chunk_samples is None or n_samples <= self.chunk_samples:
            return [(0, n_samples)]
        starts = range(0, n_samples, self.chunk_samples)
        chunks = [(start, min(start + self.chunk_samples, n_samples)) for start in starts]
        return [chunk for chunk in chunks if chunk[1] - chunk[0] >= self.smallest_chunk]

    def peak_bytes(self, waveforms: FloatArray, layers: Sequence[str] | None = None) -> int:
        """Run `vectors` and return how many bytes of tensors it held at once, beyond the weights.

        Parameters
        ----------
        waveforms : ndarray of float32, shape (n_sounds, n_samples)
        layers : sequence of str, optional
        """
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            before = torch.cuda.memory_allocated(self._device)
            self.vectors(waveforms, layers)
            return torch.cuda.max_memory_allocated(self._device) - before
        with LiveBytes(self._device.type) as live:
            self.vectors(waveforms, layers)
        return live.peak

    def identity(self) -> dict[str, Any]:
        """Return the architecture, how long clips are cut, and the hash of all weights."""
        return {
            **self.architecture,
            "chunk_samples": self.chunk_samples,
            "weights_sha256": weights_sha256(self.network),
        }

    def n_parameters(self) -> int:
        """Return how many numbers are learned; shared ones count once."""
        return sum(parameter.numel() for parameter in self.network.parameters())


def weights_sha256(network: torch.nn.Module) -> str:
    """SHA-256 of names, shapes, types and hashes of the values of all tensors of a network's state.

    Raises
    ------
    InputError
        If a tensor has no values.
    """
    state = sorted(network.state_dict().items())
    for name, tensor in state:
        if tensor.is_meta:
            raise InputError(f"tensor {name!r} has no values; expected a network with weights")
    content = hashlib.sha256()
    digests = map_threads(_sha256, [tensor for _, tensor in state])
    for (name, tensor), digest in zip(state, digests, strict=True):
        content.update(f"{name}:{tuple(tensor.shape)}:{tensor.dtype}:{digest};".encode())
    return content.hexdigest()


def _sha256(tensor: Tensor) -> str:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return hashlib.sha256(flat.view(torch.uint8).numpy().data).hexdigest()


@contextmanager
def _exact() -> Iterator[None]:
    """No gradients, and on a GPU full single precision and algorithms that repeat to the bit."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32)
    cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark = False, True, False
    matmul.allow_tf32 = False
    try:
        with torch.inference_mode():
            yield
    finally:
        cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32 = before
