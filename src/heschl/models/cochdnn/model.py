"""CochDNN as models: the cochleagram before the network, which submodules are layers, loading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from heschl.models.base import ModelSpec
from heschl.models.cochdnn.checkpoint import N_SAMPLES, trunk
from heschl.models.cochdnn.cnn9 import CNN9, FEWEST_FRAMES
from heschl.models.cochdnn.resnet50 import ResNet50
from heschl.models.cochleagram import DECIMATION, N_TAPS, SAMPLE_RATE, Cochleagram
from heschl.models.network import Layer, NetworkModel
from heschl.models.weights import find_file, load_strict, read_contents

#: The dense layer gets as many frames as it needs from here on, in samples.
SHORTEST = N_TAPS + (FEWEST_FRAMES - 1) * DECIMATION

_NETWORKS = {"cnn9": CNN9, "resnet50": ResNet50}
_HEADS = {"cnn9": "classification", "resnet50": "fc"}
_LAYERS = {
    "cnn9": (
        "relu0",
        "maxpool0",
        "relu1",
        "maxpool1",
        "relu2",
        "relu3",
        "relu4",
        "avgpool",
        "relufc",
    ),
    "resnet50": ("conv1_relu1", "maxpool1", "layer1", "layer2", "layer3", "layer4", "avgpool"),
}


def _cochleagram(output: Tensor) -> Tensor:
    return output[:, 0]  # (n_sounds, 211, n_frames)


def _maps(output: Tensor) -> Tensor:
    return output  # (n_sounds, n_maps, n_frequencies, n_frames) already


def _units(output: Tensor) -> Tensor:
    return output[..., None]


class CochDNN(NetworkModel):
    """A network on a cochleagram; each layer is averaged over time.

    CochCNN9 has a dense layer that takes 2 s. Of longer sounds it gets consecutive pieces of 2 s,
    whose frames are put together; a rest too short for the dense layer is left out, for all layers
    alike, so that all of them describe the same part of the sound and none hears silence that was
    not there. CochResNet50 takes sounds of any duration as they are.

    Parameters
    ----------
    name : str
    network : CNN9 or ResNet50
    kind : {"cnn9", "resnet50"}
    published : str
        What the keys of published activations begin with.
    """

    def __init__(self, name: str, network: nn.Module, kind: str, published: str) -> None:
        front_end = Cochleagram()
        layers = {"cochleagram": Layer("cochleagram", _cochleagram, extra=True)}
        for layer in _LAYERS[kind]:
            key = f"{published}_{layer}"
            if layer == "relufc":
                layers[layer] = Layer(layer, _units, "as it is; mean over pieces of 2 s", key)
            elif layer == "avgpool" and kind == "resnet50":
                layers[layer] = Layer(layer, _maps, "already a mean over frequency and time", key)
            else:
                layers[layer] = Layer(layer, _maps, published=key)
        pieces = {"chunk_samples": N_SAMPLES, "smallest_chunk": SHORTEST}
        super().__init__(
            name=name,
            network=network,
            sample_rate=SAMPLE_RATE,
            layers=layers,
            architecture={
                "model": f"coch{kind}",
                "version": 1,
                "front end": front_end.identity(),
            },
            level=front_end.level,
            **(pieces if kind == "cnn9" else {}),
        )
        self._front_end = front_end

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return cochleagrams of the waveforms, clamped to [-1, 1]: (n_sounds, 1, 211, n_frames).

        Computed on the CPU, one thread for each clip.
        """
        clips = np.ascontiguousarray(waveforms.cpu().numpy())
        cochleagrams = self._front_end.forward(clips, ["cochleagram"])["cochleagram"]
        return torch.from_numpy(cochleagrams)[:, None].to(waveforms.device)


def load(spec: ModelSpec, source: Path | None) -> CochDNN:
    """Load a CochDNN.

    Its heads are not built: networks of one kind with the same trunk are the same model.

    Parameters
    ----------
    spec : ModelSpec
    source : Path or None
        The released ``5_checkpoint.pt`` as ``heschl convert`` leaves it, or the folder with it, by
        itself or below the name it has in the published archive; None draws fresh weights.

    Raises
    ------
    InputError
        If the file is not there, is not converted yet, or its tensors are not those of the model.
    """
    kind, task = spec.options["network"], spec.options["task"]
    network = _NETWORKS[kind]
    if source is None:
        return CochDNN(spec.name, network(), kind, spec.aliases[0])
    if spec.weights is None:
        raise ValueError(f"{spec.name} has no weights; expected a row of SPECS")
    path = find_file(source, spec.weights.files[0].path.as_posix())
    with torch.device("meta"):
        empty = network()
    tensors = trunk(
        read_contents(path).state("model"),
        head=_HEADS[kind],
        task=task,
        n_features=empty.n_features,
        source=path,
    )
    load_strict(empty, tensors, source=path)
    return CochDNN(spec.name, empty, kind, spec.aliases[0])
