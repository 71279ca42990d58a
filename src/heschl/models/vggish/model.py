"""VGGish as a model: which submodules are layers, and loading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from heschl.models.base import ModelSpec
from heschl.models.network import Layer, NetworkModel
from heschl.models.vggish import frontend
from heschl.models.vggish.network import Network
from heschl.models.weights import find_file, load_strict, read_contents

_POOL = "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"


def _maps(output: Tensor) -> Tensor:
    """(n_sounds, channels, time, frequency) of one patch, time last."""
    return output.transpose(2, 3)


def _dense(output: Tensor) -> Tensor:
    return output[..., None]


def _map(path: str, published: str) -> Layer:
    return Layer(path, _maps, "mean over the frames of all patches", published)


def _embedding(path: str, published: str) -> Layer:
    return Layer(path, _dense, "mean over patches", published)


#: In order of execution; published activations count the rectifiers and the poolings apart.
LAYERS = {
    layer.path: layer
    for layer in (
        _map("features.1", "ReLU(inplace=True)--0"),
        _map("features.2", f"{_POOL}--0"),
        _map("features.4", "ReLU(inplace=True)--1"),
        _map("features.5", f"{_POOL}--1"),
        _map("features.7", "ReLU(inplace=True)--2"),
        _map("features.9", "ReLU(inplace=True)--3"),
        _map("features.10", f"{_POOL}--2"),
        _map("features.12", "ReLU(inplace=True)--4"),
        _map("features.14", "ReLU(inplace=True)--5"),
        _map("features.15", f"{_POOL}--3"),
        _embedding("embeddings.1", "ReLU(inplace=True)--6"),
        _embedding("embeddings.3", "ReLU(inplace=True)--7"),
        _embedding("embeddings.5", "ReLU(inplace=True)--8"),
    )
}


class VGGish(NetworkModel):
    """VGGish: 13 layers, of which each is averaged over the frames of all patches.

    Waveforms are taken as they were recorded. Principal components and quantisation, which the
    original applies to its embeddings, are left out.

    Parameters
    ----------
    name : str
    network : Network
    """

    def __init__(self, name: str, network: Network) -> None:
        super().__init__(
            name=name,
            network=network,
            sample_rate=frontend.SAMPLE_RATE,
            layers=LAYERS,
            architecture={"model": "vggish", "version": 1},
        )

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return the patches, shape (n_sounds, n_patches, 96, 64)."""
        return frontend.patches(waveforms)

    def pieces(self, inputs: Tensor) -> Iterator[Tensor]:
        """Yield one patch of every sound after the other, shape (n_sounds, 1, 96, 64).

        All patches have as many frames, so the mean over the frames of all of them is the mean over
        frames and then over patches.
        """
        yield from inputs.unsqueeze(2).unbind(1)


def load(spec: ModelSpec, source: Path | None) -> VGGish:
    """Load VGGish.

    Parameters
    ----------
    spec : ModelSpec
    source : Path or None
        The released file ``vggish-10086976.pth`` (a flat dictionary of tensors) or its folder; None
        draws fresh weights as before the original training.

    Raises
    ------
    InputError
        If the file is not there, or its tensors are not those of VGGish.
    """
    with torch.device("meta"):
        network = Network()
    if source is None:
        network.to_empty(device=torch.get_default_device()).reset_parameters()
        return VGGish(spec.name, network)
    path = find_file(source, "vggish-10086976.pth")
    load_strict(network, read_contents(path).state(), source=path)
    return VGGish(spec.name, network)
