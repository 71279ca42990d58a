"""SepFormer as published for WHAMR! (speechbrain/sepformer-whamr), 8 kHz.

Recorded are the encoder's convolution before its rectifier and the second linear map of every
feed-forward network before it is added, as Tuckute, Feather et al. (2023) did; the latter over all
positions of all chunks, so frames count twice and the zeros at the ends are in.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from heschl.errors import InputError
from heschl.models.base import ModelSpec
from heschl.models.network import Layer, NetworkModel
from heschl.models.speechbrain.dualpath import MaskNet, Sizes
from heschl.models.weights import find_file, load_strict, read_contents

SAMPLE_RATE = 8_000  # Hz
_PARTS = {"encoder": "encoder.ckpt", "masknet": "masknet.ckpt"}
_POSITIONS = "mean over the positions of all chunks, which overlap by half"


class SepFormer(nn.Module):
    """Encoder and mask network; the decoder, which none of the layers needs, is left out.

    Parameters
    ----------
    sizes : Sizes
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        convolution = nn.Conv1d(1, sizes.width, sizes.kernel, stride=sizes.stride, bias=False)
        self.encoder = nn.ModuleDict({"conv1d": convolution})
        self.masknet = MaskNet(sizes)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map (n_sounds, n_samples) to masks (n_sounds, n_frames, n_talkers, width)."""
        encoded = functional.relu(self.encoder["conv1d"](waveforms[:, None]))
        masks: Tensor = self.masknet(encoded.transpose(1, 2).contiguous())
        return masks


def layer_table(sizes: Sizes) -> dict[str, Layer]:
    """Return all layers in order of execution: the convolution, feed-forward networks, masks."""
    width, hidden = sizes.width, sizes.hidden
    convolution = f"Conv1d(1,{width},{sizes.kernel},{sizes.stride})--0"
    table = {"encoder.conv1d": Layer("encoder.conv1d", lambda out: out, published=convolution)}
    stacks = [(block, way) for block in range(sizes.n_blocks) for way in ("intra", "inter")]
    for i, (block, way) in enumerate(stacks):
        for layer in range(sizes.n_layers):
            table[f"{block}.{way}.{layer}"] = Layer(
                path=f"masknet.dual_mdl.{block}.{way}_mdl.mdl.layers.{layer}.pos_ffn.ffn.3",
                frames=_positions,
                pooling=_POSITIONS,
                published=f"Linear({hidden}->{width})--{i * sizes.n_layers + layer}",
            )
    table["mask"] = Layer("masknet.activation", _masks, extra=True)
    return table


def _positions(out: Tensor) -> Tensor:
    """From (n_sounds, n_rows, n_positions, width) to (n_sounds, width, all positions)."""
    return out.flatten(1, 2).transpose(1, 2)


def _masks(out: Tensor) -> Tensor:
    """From (n_sounds, n_frames, n_talkers, width) to (n_sounds, n_talkers, width, n_frames)."""
    return out.permute(0, 2, 3, 1)


class SepFormerModel(NetworkModel):
    """SepFormer with its layers; sounds are taken as they were recorded.

    Parameters
    ----------
    name : str
    network : SepFormer
    sizes : Sizes
        Sounds longer than the positional encodings suffice for (312 s) are cut.
    """

    def __init__(self, name: str, network: SepFormer, sizes: Sizes) -> None:
        super().__init__(
            name=name,
            network=network,
            sample_rate=SAMPLE_RATE,
            layers=layer_table(sizes),
            architecture={"model": "sepformer", "version": 1, **dataclasses.asdict(sizes)},
            chunk_samples=sizes.longest(),
            smallest_chunk=sizes.kernel,
        )
        self._least = sizes.kernel

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return the waveforms, which are the network's input.

        Raises
        ------
        InputError
            If they are shorter than the encoder's kernel.
        """
        if waveforms.shape[1] < self._least:
            raise InputError(
                f"{self.name}: waveforms of {waveforms.shape[1]} samples; expected at least "
                f"{self._least}: give longer sounds"
            )
        return waveforms


def load(spec: ModelSpec, source: Path | None) -> SepFormerModel:
    """Make SepFormer.

    Parameters
    ----------
    spec : ModelSpec
        Its ``options`` replace fields of `Sizes`.
    source : Path or None
        Folder with ``encoder.ckpt`` and ``masknet.ckpt``; None draws fresh weights as the
        published code does before training.

    Raises
    ------
    InputError
        If a file is missing, or its tensors are not those of this network.
    """
    sizes = Sizes(**spec.options)
    if source is None:
        return SepFormerModel(spec.name, SepFormer(sizes), sizes)
    if source.is_file():
        raise InputError(
            f"{source} is one file; {spec.name} has two: give the folder with "
            f"{' and '.join(_PARTS.values())}"
        )
    with torch.device("meta"):
        network = SepFormer(sizes)
    for part, name in _PARTS.items():
        path = find_file(source, name)
        load_strict(network.get_submodule(part), read_contents(path).state(), source=path)
    return SepFormerModel(spec.name, network, sizes)
