"""DeepSpeech2 as a model: which submodules are layers, and loading."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from heschl.models.base import ModelSpec
from heschl.models.deepspeech2 import CHECKPOINT, frontend
from heschl.models.deepspeech2.network import Network
from heschl.models.network import Layer, NetworkModel
from heschl.models.weights import find_file, load_strict, read_contents

_HARDTANH = "Hardtanh(min_val=0, max_val=20)"
_FIRST = "LSTM(1312, 1024, bidirectional=True)"
_OTHERS = "LSTM(1024, 1024, bidirectional=True)"


def _maps(output: Tensor) -> Tensor:
    return output  # (n_sounds, maps, frequency, n_frames) already


def _cells(output: tuple[Tensor, tuple[Tensor, Tensor]]) -> Tensor:
    """Take the final cells, (2, n_sounds, n_hidden), as one frame of each sound."""
    return output[1][1].transpose(0, 1).flatten(1)[..., None]


def _cell(path: str, published: str) -> Layer:
    words = "final cell states, forward (at the end) then backward (at the beginning)"
    return Layer(path, _cells, words, published)


#: In order of execution.
LAYERS = {
    layer.path: layer
    for layer in (
        Layer("conv.seq_module.2", _maps, published=f"{_HARDTANH}--0"),
        Layer("conv.seq_module.5", _maps, published=f"{_HARDTANH}--1"),
        _cell("rnns.0.rnn", f"{_FIRST}--0--cell"),
        *(_cell(f"rnns.{i}.rnn", f"{_OTHERS}--{i - 1}--cell") for i in range(1, 5)),
    )
}


class DeepSpeech2(NetworkModel):
    """DeepSpeech2: two layers averaged over time, and the final cells of five LSTMs.

    Waveforms are taken as they were recorded; their level has little effect, because each
    spectrogram is standardised.

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
            architecture={"model": "deepspeech2", "version": 1},
        )

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return the standardised spectrogram, shape (n_sounds, 161, n_frames)."""
        return frontend.spectrogram(waveforms)


def load(spec: ModelSpec, source: Path | None) -> DeepSpeech2:
    """Load DeepSpeech2.

    Parameters
    ----------
    spec : ModelSpec
    source : Path or None
        The released file ``librispeech_pretrained_v3.ckpt`` as ``heschl convert`` leaves it (its
        tensors under "state_dict"), or its folder; None draws fresh weights by torch's defaults, as
        the original did.

    Raises
    ------
    InputError
        If the file is not there, is not converted yet, or its tensors are not those of DeepSpeech2.
    """
    if source is None:
        return DeepSpeech2(spec.name, Network())
    path = find_file(source, CHECKPOINT)
    with torch.device("meta"):
        network = Network()
    load_strict(network, read_contents(path).state("state_dict"), source=path)
    return DeepSpeech2(spec.name, network)
