"""S2T: the encoder of a Speech2Text transformer (Wang et al. 2020)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from heschl.models.base import ModelSpec
from heschl.models.frontends import kaldi
from heschl.models.huggingface.published import Published
from heschl.models.huggingface.released import load_published
from heschl.models.huggingface.wav2vec2 import time_last
from heschl.models.network import Layer, NetworkModel

_FRAME, _SHIFT = 400, 160  # samples: 25 and 10 ms
_FULL_SCALE = 32_768  # the front end was made for 16-bit samples
_SUBSAMPLING = 4  # mel frames for each position of the encoder
_SHORTEST_PIECE = 16_000  # samples: the rest of a very long sound below 1 s is left out


def log_mel(waveforms: Tensor, published: Published) -> Tensor:
    """Log mel power of each clip, every band with zero mean and unit variance over the clip.

    Parameters
    ----------
    waveforms : Tensor of float32, shape (n_sounds, n_samples)
        At 16 kHz, full scale -1 to 1, as recorded.
    published : Published

    Returns
    -------
    Tensor of float32, shape (n_sounds, n_frames, 80)
        The standard deviation is the biased one, without any epsilon, as published; where a band
        is constant (in digital silence) this would divide by zero, and the band is zero instead.

    Raises
    ------
    InputError
        If the sound is shorter than one frame.
    """
    found = kaldi.fbank(
        waveforms.double() * _FULL_SCALE,
        sample_rate=published.front_end["sampling_rate"],
        frame_length=_FRAME,
        frame_shift=_SHIFT,
        n_mels=published.front_end["num_mel_bins"],
        window="povey",
        dtype=torch.float64,  # in single precision nearly silent bands are off by up to 0.01
    ).double()
    deviation = found.std(dim=1, correction=0, keepdim=True)
    centred = found - found.mean(dim=1, keepdim=True)
    # equal values may have a mean that is not quite equal to them
    constant = found.amax(dim=1, keepdim=True) == found.amin(dim=1, keepdim=True)
    return torch.where(constant, 0.0, centred / torch.where(constant, 1.0, deviation)).float()


class Speech2Text(NetworkModel):
    """S2T's encoder: what enters the stack of blocks, and each block's output.

    The output of the last block is taken after the encoder's final LayerNorm, as transformers has
    it among its hidden states and as it was published.

    Parameters
    ----------
    name : str
    network : torch.nn.Module
        ``Speech2TextEncoder``; its first block gets a submodule ``entrance``, without parameters,
        which puts out what comes in.
    published : Published
    """

    def __init__(self, name: str, network: Any, published: Published) -> None:
        n_blocks = len(network.layers)
        paths = {"Embedding": _mark_entrance(network)}
        paths |= {f"Encoder_{i}": f"layers.{i - 1}" for i in range(1, n_blocks)}
        paths[f"Encoder_{n_blocks}"] = "layer_norm"
        positions = published.config["max_source_positions"]
        self.published = published
        super().__init__(
            name=name,
            network=network,
            sample_rate=published.front_end["sampling_rate"],
            layers={
                layer: Layer(path, time_last, published=layer) for layer, path in paths.items()
            },
            architecture={
                "model": "s2t",
                "version": 1,
                "config": dict(published.config),
                "front_end": dict(published.front_end),
            },
            chunk_samples=positions * _SUBSAMPLING * _SHIFT,
            smallest_chunk=_SHORTEST_PIECE,
        )

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return the normalised log mel spectrogram, (n_sounds, n_frames, 80)."""
        return log_mel(waveforms, self.published)


def _mark_entrance(network: Any) -> str:
    """Let what enters the first block pass a submodule, whose path is returned.

    The sum of convolved features and positions is the output of no submodule.
    """
    block = network.layers[0]
    block.entrance = nn.Identity()

    def pass_through(_module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return (block.entrance(arguments[0]), *arguments[1:])

    block.register_forward_pre_hook(pass_through)
    return "layers.0.entrance"


def load(spec: ModelSpec, source: Path | None) -> Speech2Text:
    """Load S2T's encoder.

    Parameters
    ----------
    spec : ModelSpec
    source : Path or None
        The released folder or file of tensors; None for fresh weights.

    Returns
    -------
    Speech2Text

    Raises
    ------
    InputError
        If the files are not those of the model.
    MissingDependencyError
        If transformers is not installed.
    """
    published: Published = spec.options["published"]
    network = load_published(published, source)
    return Speech2Text(spec.name, network.get_submodule(published.part), published)
