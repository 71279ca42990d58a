"""The captioner as a model: which submodules are layers, and loading."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from heschl import audio
from heschl.models.base import FloatArray, ModelSpec
from heschl.models.dcase2020 import CHECKPOINT, frontend
from heschl.models.dcase2020.network import Network
from heschl.models.network import Layer, NetworkModel
from heschl.models.weights import find_file, load_strict, read_contents


def _final(output: tuple[Tensor, Tensor]) -> Tensor:
    """Take the final states, (n_directions, n_sounds, n_hidden), as one frame of each sound."""
    return output[1].transpose(0, 1).flatten(1)[..., None]


def _steps(output: Tensor) -> Tensor:
    """(n_sounds, n_steps, n_words), the steps last."""
    return output.transpose(1, 2)


_BOTH = "final hidden states, forward (at the end) then backward (at the beginning)"
_WIDE = "GRU(512, 256, batch_first=True, bidirectional=True)"

#: In order of execution. A GRU's state is its own: nothing has been added to it yet.
LAYERS = {
    layer.path: layer
    for layer in (
        Layer(
            "encoder.gru_1",
            _final,
            _BOTH,
            "GRU(64, 256, batch_first=True, bidirectional=True)--0--hidden",
        ),
        Layer("encoder.gru_2", _final, _BOTH, f"{_WIDE}--0--hidden"),
        Layer("encoder.gru_3", _final, _BOTH, f"{_WIDE}--1--hidden"),
        Layer(
            "decoder.rnn",
            _final,
            "final hidden state",
            "GRU(512, 256, batch_first=True)--0--hidden",
        ),
        Layer(
            "decoder.classifier",
            _steps,
            "mean over the 22 steps of the decoder",
            "Linear(in_features=256, out_features=4367, bias=True)--0",
        ),
    )
}


class Captioner(NetworkModel):
    """The baseline captioner of DCASE 2020: final states of its GRUs, and its scores of words.

    Each waveform is brought to a peak of 1; a silent one stays silent.

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
            architecture={"model": "dcase2020", "version": 1, "peak": 1.0},
        )

    def prepare(self, waveforms: FloatArray) -> FloatArray:
        """Bring the peak of each waveform (n_sounds, n_samples) to 1; zeros stay zeros."""
        return audio.set_peak(waveforms, 1.0)

    def level_in_words(self) -> str:  # noqa: D102 (documented on the base class)
        return "peak 1"

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return the log-mel spectrogram, shape (n_sounds, n_frames, 64)."""
        return frontend.log_mel(waveforms)


def load(spec: ModelSpec, source: Path | None) -> Captioner:
    """Load the captioner.

    Parameters
    ----------
    spec : ModelSpec
    source : Path or None
        The released file ``dcase_model_baseline_pre_trained.pt`` (a flat dictionary of tensors) or
        its folder; None draws fresh weights by torch's defaults, as the original did.

    Raises
    ------
    InputError
        If the file is not there, or its tensors are not those of the captioner.
    """
    if source is None:
        return Captioner(spec.name, Network())
    path = find_file(source, CHECKPOINT)
    with torch.device("meta"):
        network = Network()
    load_strict(network, read_contents(path).state(), source=path)
    return Captioner(spec.name, network)
