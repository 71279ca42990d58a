"""BEATs as a model of heschl: the front end, the layers, and the loader."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from heschl.errors import InputError
from heschl.models.base import ModelSpec
from heschl.models.beats.config import Config, from_cfg, published
from heschl.models.beats.network import Beats
from heschl.models.frontends.kaldi import fbank
from heschl.models.network import Layer, NetworkModel
from heschl.models.weights import find_file, load_strict, read_contents

SAMPLE_RATE = 16_000  # Hz
FRAME_LENGTH, FRAME_SHIFT = 400, 160  # samples: 25 and 10 ms
N_MELS = 128
FULL_SCALE = 2.0**15
MEAN, SPREAD = 15.41663, 6.55582  # of the filter bank of the training sounds, natural logarithm

_TOKENS = "mean over tokens: times and, at each, 8 bands"


def front_end(waveforms: Tensor) -> Tensor:
    """Compute the normalised filter bank of waveforms.

    Parameters
    ----------
    waveforms : Tensor of float32, shape (n_sounds, n_samples)
        At 16 kHz, full scale -1 to 1.

    Returns
    -------
    Tensor of float32, shape (n_sounds, n_frames, 128)
        Every 10 ms; 198 frames for 2 s.
    """
    log_power = fbank(
        waveforms * FULL_SCALE,
        sample_rate=SAMPLE_RATE,
        frame_length=FRAME_LENGTH,
        frame_shift=FRAME_SHIFT,
        n_mels=N_MELS,
    )
    return (log_power - MEAN) / (2 * SPREAD)


class BeatsModel(NetworkModel):
    """Layer "0" is the input to the first block, layer "i" the output of the i-th.

    Parameters
    ----------
    spec : ModelSpec
    config : Config
    network : Beats
    """

    def __init__(self, spec: ModelSpec, config: Config, network: Beats) -> None:
        super().__init__(
            name=spec.name,
            network=network,
            sample_rate=SAMPLE_RATE,
            layers=_layers(spec, config),
            architecture={"model": "beats", "version": 1, "config": asdict(config)},
        )
        self._least = FRAME_LENGTH + (config.input_patch_size - 1) * FRAME_SHIFT

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return the normalised filter bank (n_sounds, n_frames, 128).

        Raises
        ------
        InputError
            If the sounds are shorter than one patch.
        """
        if waveforms.shape[1] < self._least:
            raise InputError(
                f"{self.name}: sounds of {waveforms.shape[1]} samples at {SAMPLE_RATE} Hz; "
                f"expected at least {self._least}, one patch: give longer sounds"
            )
        return front_end(waveforms)


def _layers(spec: ModelSpec, config: Config) -> dict[str, Layer]:
    paths = ["encoder.layer_norm", *(f"encoder.layers.{i}" for i in range(config.encoder_layers))]
    key = spec.aliases[0]
    layers = {
        str(i): Layer(path, _tokens_last, pooling=_TOKENS, published=f"{key}_{i}")
        for i, path in enumerate(paths)
    }
    if config.predictor_class is not None:
        pooling = "sigmoid of the mean logits of all tokens: probabilities of the classes"
        layers["predictor"] = Layer("predictor", _probabilities, pooling=pooling, extra=True)
    return layers


def _tokens_last(output: Tensor) -> Tensor:
    return output.transpose(1, 2)


def _probabilities(logits: Tensor) -> Tensor:
    """Probabilities (n_sounds, n_classes, 1) of logits (n_sounds, n_tokens, n_classes)."""
    return torch.sigmoid(logits.mean(dim=1))[..., None]


def load(spec: ModelSpec, source: Path | None) -> BeatsModel:
    """Load one of the four models.

    Parameters
    ----------
    spec : ModelSpec
        Entries of ``options`` replace those of the published configuration.
    source : Path or None
        The folder with the released file, or the file; None for fresh weights, drawn as the
        original draws them: by DeepNorm and BERT in the encoder, torch's defaults elsewhere.

    Returns
    -------
    BeatsModel

    Raises
    ------
    InputError
        If the file is not the checkpoint of this model; the entry or tensor is named.
    """
    if source is None or spec.weights is None:
        config = published(spec)
        network = Beats(config)
        network.reset_parameters()
        return BeatsModel(spec, config, network)
    contents = read_contents(find_file(source, spec.weights.files[0].path.as_posix()))
    state = contents.state("model")
    config = from_cfg(spec, contents.values.get("cfg"), contents.path)
    with torch.device("meta"):
        network = Beats(config)
    load_strict(network, state, source=contents.path)
    return BeatsModel(spec, config, network)
