"""wav2vec 2.0: a transformer over the waveform (Baevski et al. 2020)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from heschl.errors import InputError
from heschl.models.base import ModelSpec
from heschl.models.huggingface.published import Published
from heschl.models.huggingface.released import load_published
from heschl.models.network import Layer, NetworkModel

#: Added to the variance, as by transformers' feature extractor today. The published activations
#: were computed with 1e-5; the group norm of the first convolution removes the difference.
EPS = 1e-7

_SHORTEST = 400  # samples: one frame of the stack of convolutions


def normalised(waveforms: Tensor) -> Tensor:
    """Bring each clip (n_sounds, n_samples) to zero mean and unit variance over the clip.

    Raises
    ------
    InputError
        If a clip is too short for one frame.
    """
    if waveforms.shape[1] < _SHORTEST:
        raise InputError(
            f"wav2vec 2.0 needs at least {_SHORTEST} samples (25 ms); got {waveforms.shape[1]}"
        )
    x = waveforms.double()
    mean = x.mean(dim=1, keepdim=True)
    variance = x.var(dim=1, correction=0, keepdim=True)
    return ((x - mean) / torch.sqrt(variance + EPS)).float()


class Wav2Vec2(NetworkModel):
    """wav2vec 2.0: what enters the stack of blocks, and each block's output.

    Parameters
    ----------
    name : str
    network : torch.nn.Module
        ``Wav2Vec2Model``.
    published : Published
    """

    def __init__(self, name: str, network: torch.nn.Module, published: Published) -> None:
        n_blocks = int(published.config["num_hidden_layers"])
        # The blocks take the output of this norm as it is (of dropout, which does nothing here).
        paths = {"Embedding": "encoder.layer_norm"}
        paths |= {f"Encoder_{i + 1}": f"encoder.layers.{i}" for i in range(n_blocks)}
        super().__init__(
            name=name,
            network=network,
            sample_rate=published.front_end["sampling_rate"],
            layers={
                layer: Layer(path, time_last, published=layer) for layer, path in paths.items()
            },
            architecture={
                "model": "wav2vec2",
                "version": 1,
                "config": dict(published.config),
                "front_end": {**published.front_end, "eps": EPS},
            },
        )

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return the normalised waveforms."""
        return normalised(waveforms)


def time_last(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    """(n_sounds, n_frames, n_features), alone or first in a tuple, with time last."""
    first = output[0] if isinstance(output, tuple) else output
    return first.transpose(1, 2)


def load(spec: ModelSpec, source: Path | None) -> Wav2Vec2:
    """Load wav2vec 2.0.

    Parameters
    ----------
    spec : ModelSpec
    source : Path or None
        The released folder or file of tensors; None for fresh weights.

    Returns
    -------
    Wav2Vec2

    Raises
    ------
    InputError
        If the files are not those of the model.
    MissingDependencyError
        If transformers is not installed.
    """
    published: Published = spec.options["published"]
    return Wav2Vec2(spec.name, load_published(published, source), published)
