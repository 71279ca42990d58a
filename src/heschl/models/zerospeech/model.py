"""The ZeroSpeech VQ-VAE's encoder as a model: which submodules are layers, and loading."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from heschl import audio
from heschl.models.base import FloatArray, ModelSpec
from heschl.models.network import Layer, NetworkModel
from heschl.models.weights import find_file, load_strict, read_contents
from heschl.models.zerospeech import CHECKPOINT, frontend
from heschl.models.zerospeech.network import Network

#: What the encoder's part of a checkpoint holds for the steps after the layers used here.
UNUSED = (r"codebook\.(embedding|ema_count|ema_weight)", r"jitter\.prob")


def _frames(output: Tensor) -> Tensor:
    return output  # (n_sounds, channels, n_frames) already


LAYERS = {
    path: Layer(path, _frames, published=f"ReLU(inplace=True)--{i}")
    for i, path in enumerate(f"encoder.{k}" for k in (2, 5, 8, 11, 14))
}


class ZeroSpeech(NetworkModel):
    """The encoder of the ZeroSpeech VQ-VAE: five layers, each averaged over time.

    Each waveform is brought to a peak of 0.999; a silent one stays silent.

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
            architecture={"model": "zerospeech", "version": 1, "peak": frontend.PEAK},
        )

    def prepare(self, waveforms: FloatArray) -> FloatArray:
        """Bring the peak of each waveform (n_sounds, n_samples) to 0.999; zeros stay zeros."""
        return audio.set_peak(waveforms, frontend.PEAK)

    def level_in_words(self) -> str:  # noqa: D102 (documented on the base class)
        return f"peak {frontend.PEAK}"

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return the scaled log-mel spectrogram, shape (n_sounds, 80, n_frames)."""
        return frontend.log_mel(waveforms)


def load(spec: ModelSpec, source: Path | None) -> ZeroSpeech:
    """Load the encoder.

    Parameters
    ----------
    spec : ModelSpec
    source : Path or None
        The released file ``model.ckpt-500000.pt`` (a dictionary with the encoder's tensors under
        "encoder") or its folder; None draws fresh weights by torch's defaults, as the original did.

    Raises
    ------
    InputError
        If the file is not there, or its tensors are not those of this encoder.
    """
    if source is None:
        return ZeroSpeech(spec.name, Network())
    path = find_file(source, CHECKPOINT)
    with torch.device("meta"):
        network = Network()
    load_strict(network, read_contents(path).state("encoder"), source=path, unused=UNUSED)
    return ZeroSpeech(spec.name, network)
