"""AST: a transformer over patches of a mel spectrogram of 10 s (Gong et al. 2021)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from heschl.models.base import ModelSpec
from heschl.models.frontends import kaldi
from heschl.models.huggingface.published import Published
from heschl.models.huggingface.released import load_published
from heschl.models.network import Layer, NetworkModel

_FRAME, _SHIFT = 400, 160  # samples: 25 and 10 ms
_SHORTEST_PIECE = 16_000  # samples: the rest of a long sound that is shorter than 1 s is left out


def log_mel(waveforms: Tensor, published: Published) -> Tensor:
    """Log mel power as AST takes it.

    Parameters
    ----------
    waveforms : Tensor of float32, shape (n_sounds, n_samples)
        At 16 kHz, full scale -1 to 1, as recorded.
    published : Published

    Returns
    -------
    Tensor of float32, shape (n_sounds, 1024, 128)
        Frames of 25 ms every 10 ms (symmetric Hann window), then zeros from the end of the sound
        on; all of it less the mean of AudioSet and over twice its standard deviation. The padding
        is therefore 0.467, not 0, as in the published model.

    Raises
    ------
    InputError
        If the sound is shorter than one frame.
    """
    values = published.front_end
    found = kaldi.fbank(
        waveforms,
        sample_rate=values["sampling_rate"],
        frame_length=_FRAME,
        frame_shift=_SHIFT,
        n_mels=values["num_mel_bins"],
        window="hanning",
        dtype=torch.float64,
    )[:, : values["max_length"]]
    padding = values["max_length"] - found.shape[1]
    padded = torch.nn.functional.pad(found, (0, 0, 0, padding))
    return (padded - values["mean"]) / (2 * values["std"])


class SpectrogramTransformer(NetworkModel):
    """AST: patches, the 12 blocks, and the scores of 527 classes.

    Parameters
    ----------
    name : str
    network : torch.nn.Module
        ``ASTForAudioClassification``.
    published : Published
        Its configuration and front end.
    """

    def __init__(self, name: str, network: torch.nn.Module, published: Published) -> None:
        self.published = published
        longest = _FRAME + (published.front_end["max_length"] - 1) * _SHIFT
        super().__init__(
            name=name,
            network=network,
            sample_rate=published.front_end["sampling_rate"],
            layers=_layers(network),
            architecture={
                "model": "ast",
                "version": 1,
                "config": dict(published.config),
                "front_end": dict(published.front_end),
            },
            chunk_samples=longest,
            smallest_chunk=_SHORTEST_PIECE,
        )

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return the log mel spectrogram, (n_sounds, 1024, 128)."""
        return log_mel(waveforms, self.published)


def _layers(network: torch.nn.Module) -> dict[str, Layer]:
    """Layers of Tuckute et al. (2023); the MLP's output counts before it is added to its input."""
    base = "audio_spectrogram_transformer"
    stack: Any = network.get_submodule(base)
    # transformers 5 has renamed the modules, not the tensors of the file
    renamed = hasattr(stack, "layers")
    blocks = "layers.{}.mlp.fc2" if renamed else "encoder.layer.{}.output.dense"
    n_blocks = len(stack.layers if renamed else stack.encoder.layer)
    width, hidden = _sizes(stack)
    tokens = "mean over tokens (patches of 10.24 s, padding included; class; distillation)"
    layers = {
        "patch": Layer(
            f"{base}.embeddings.patch_embeddings.projection",
            lambda output: output.flatten(2),
            "mean over patches of 10.24 s, padding included",
            published=f"Conv2d(1, {width}, kernel_size=(16, 16), stride=(10, 10))--0",
        )
    }
    for i in range(n_blocks):
        layers[str(i)] = Layer(
            f"{base}.{blocks.format(i)}",
            lambda output: output.transpose(1, 2),
            tokens,
            published=f"Linear(in_features={hidden}, out_features={width}, bias=True)--{i}",
        )
    layers["logits"] = Layer(
        "classifier", lambda output: output.unsqueeze(-1), "none (scores of the clip)", "Final"
    )
    return layers


def _sizes(stack: Any) -> tuple[int, int]:
    return int(stack.config.hidden_size), int(stack.config.intermediate_size)


def load(spec: ModelSpec, source: Path | None) -> SpectrogramTransformer:
    """Load AST.

    Parameters
    ----------
    spec : ModelSpec
    source : Path or None
        The released folder or file of tensors; None for fresh weights.

    Returns
    -------
    SpectrogramTransformer

    Raises
    ------
    InputError
        If the files are not those of the model.
    MissingDependencyError
        If transformers is not installed.
    """
    published: Published = spec.options["published"]
    return SpectrogramTransformer(spec.name, load_published(published, source), published)
