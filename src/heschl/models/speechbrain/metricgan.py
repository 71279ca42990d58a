"""MetricGAN+ as published for VoiceBank (speechbrain/metricgan-plus-voicebank), 16 kHz.

A recurrent network reads a sound's log magnitudes forward and backward and puts out a mask for
them. Recorded are the last cell states of both recurrent layers and the two linear maps before
their non-linearities, as Tuckute, Feather et al. (2023) did. The state of the backward direction
is the one after the first frame of the sound.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from heschl.models.base import ModelSpec
from heschl.models.frontends.stft import hamming, spectrum
from heschl.models.network import Layer, NetworkModel
from heschl.models.weights import find_file, load_strict, read_contents

SAMPLE_RATE = 16_000  # Hz
N_FFT = 512  # samples, the window's length too
HOP = 256  # samples
_POWER_FLOOR = 1e-14  # added to the power before the root
_MASK_TOP = 1.2  # highest value of the mask
_SLOPE = 0.3  # of the leaky rectifier
_FILE = "enhance_model.ckpt"
_LAST = "last cell state, forward (end of the sound) then backward (its beginning)"


@dataclass(frozen=True)
class Sizes:
    """What the network is made of; the published one by default.

    Attributes
    ----------
    units : int
        Of each direction of the recurrent layers.
    hidden : int
        Between the two linear maps.
    """

    units: int = 200
    hidden: int = 300


class LearnableSigmoid(nn.Module):
    """A sigmoid of height 1.2 with a slope for every frequency bin.

    Parameters
    ----------
    n_bins : int
    """

    def __init__(self, n_bins: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.ones(n_bins))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., n_bins) to 0 to 1.2."""
        return _MASK_TOP * torch.sigmoid(self.slope * x)


class Generator(nn.Module):
    """Two bidirectional recurrent layers, two linear maps, and a sigmoid.

    Parameters
    ----------
    sizes : Sizes
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        n_bins = N_FFT // 2 + 1
        self.features = nn.Identity()  # a place to record the input at
        recurrent = nn.LSTM(n_bins, sizes.units, 2, batch_first=True, bidirectional=True)
        self.blstm = nn.ModuleDict({"rnn": recurrent})
        self.linear1 = nn.Linear(2 * sizes.units, sizes.hidden)
        self.activation = nn.LeakyReLU(_SLOPE)
        self.linear2 = nn.Linear(sizes.hidden, n_bins)
        self.Learnable_sigmoid = LearnableSigmoid(n_bins)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights as the published code does: orthogonal recurrence, no biases."""
        for name, parameter in self.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(parameter)
            elif "weight" in name:
                nn.init.xavier_uniform_(parameter)
            elif "bias" in name:
                nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        """Map log magnitudes (n_sounds, n_frames, n_bins) to a mask of the same shape."""
        read, _ = self.blstm["rnn"](self.features(features))
        mask: Tensor = self.Learnable_sigmoid(self.linear2(self.activation(self.linear1(read))))
        return mask


def layer_table() -> dict[str, Layer]:
    """Return all layers in order of execution."""
    return {
        "features": Layer("features", _time_last, extra=True),
        "blstm.l1": Layer("blstm.rnn", _first_cells, pooling=_LAST, published="--l1--cell"),
        "blstm.l2": Layer("blstm.rnn", _second_cells, pooling=_LAST, published="--l2--cell"),
        "linear1": Layer("linear1", _time_last),
        "linear2": Layer("linear2", _time_last),
        "mask": Layer("Learnable_sigmoid", _time_last, extra=True),
    }


def _time_last(out: Tensor) -> Tensor:
    return out.transpose(1, 2)


def _first_cells(out: Any) -> Tensor:
    return _cells(out, 0)


def _second_cells(out: Any) -> Tensor:
    return _cells(out, 1)


def _cells(out: Any, layer: int) -> Tensor:
    """Last cell states of one layer, (n_sounds, 2 * units, 1); torch has them by direction."""
    _, (_, states) = out
    forward, backward = states[2 * layer], states[2 * layer + 1]
    return torch.cat([forward, backward], dim=1)[..., None]


class MetricGanModel(NetworkModel):
    """MetricGAN+ with its front end and layers; sounds are taken as they were recorded.

    Parameters
    ----------
    name : str
    network : Generator
    sizes : Sizes
    """

    def __init__(self, name: str, network: Generator, sizes: Sizes) -> None:
        front_end = {"n_fft": N_FFT, "hop": HOP, "window": "hamming, periodic", "pad": "zeros"}
        super().__init__(
            name=name,
            network=network,
            sample_rate=SAMPLE_RATE,
            layers=layer_table(),
            architecture={
                "model": "metricgan",
                "version": 1,
                **dataclasses.asdict(sizes),
                "front_end": front_end,
            },
        )

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return log magnitudes, ``log(1 + |X|)``, shape (n_sounds, n_frames, 257).

        Of frames of 32 ms every 16 ms under a periodic Hamming window, the waveform extended with
        zeros so that the first frame is centred at its first sample.
        """
        found = spectrum(
            waveforms,
            n_fft=N_FFT,
            hop=HOP,
            window=hamming(N_FFT, periodic=True),
            pad_mode="constant",
        )
        power = found.real.square() + found.imag.square()
        return (power + _POWER_FLOOR).sqrt().log1p().transpose(1, 2)


def load(spec: ModelSpec, source: Path | None) -> MetricGanModel:
    """Make MetricGAN+'s generator.

    Parameters
    ----------
    spec : ModelSpec
        Its ``options`` replace fields of `Sizes`.
    source : Path or None
        ``enhance_model.ckpt`` or the folder with it; None draws fresh weights as the published
        code does before training.

    Raises
    ------
    InputError
        If the file is missing, or its tensors are not those of this network.
    """
    sizes = Sizes(**spec.options)
    if source is None:
        return MetricGanModel(spec.name, Generator(sizes), sizes)
    with torch.device("meta"):
        network = Generator(sizes)
    path = find_file(source, _FILE)
    load_strict(network, read_contents(path).state(), source=path)
    return MetricGanModel(spec.name, network, sizes)
