"""Dasheng as a model of heschl: layers, pieces of long sounds, and the loader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from heschl.models.base import ModelSpec
from heschl.models.dasheng.config import PATCH, Config, from_file, published
from heschl.models.dasheng.frontend import FILTERS, SAMPLE_RATE, WINDOW, FrontEnd, computed, taken
from heschl.models.dasheng.network import Dasheng
from heschl.models.network import Layer, NetworkModel
from heschl.models.weights import find_file, load_strict, read_contents

HEAD = r"outputlayer\..+"  # classes of AudioSet, behind what is used here
_TOKENS = "mean over tokens of 40 ms"


class DashengModel(NetworkModel):
    """Layer "i" is the output of block i; "final" that of the last after a normalisation.

    Parameters
    ----------
    spec : ModelSpec
    config : Config
    network : Dasheng
    front_end : FrontEnd
    """

    def __init__(
        self, spec: ModelSpec, config: Config, network: Dasheng, front_end: FrontEnd
    ) -> None:
        super().__init__(
            name=spec.name,
            network=network,
            sample_rate=SAMPLE_RATE,
            layers=_layers(spec, config),
            architecture={
                "model": "dasheng",
                "version": 1,
                "config": asdict(config),
                "front_end_sha256": front_end.sha256(),
            },
        )
        self._front_end = front_end
        self._longest = config.target_length

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return spectrograms (n_sounds, 64, n_frames) in dB."""
        return self._front_end(waveforms)

    def pieces(self, inputs: Tensor) -> Iterator[Tensor]:
        """Cut long spectrograms where the positions end: each piece begins at the first again.

        Frames at the end that fill no patch stay with the piece before them.
        """
        n_frames = inputs.shape[-1]
        starts = list(range(0, max(n_frames - PATCH + 1, 1), self._longest))
        for start, stop in zip(starts, [*starts[1:], n_frames], strict=True):
            yield inputs[..., start:stop]


def _layers(spec: ModelSpec, config: Config) -> dict[str, Layer]:
    chosen = default_layers(config.depth, spec.options.get("layer_step", 1))
    key = spec.aliases[0]
    layers = {"frontend": Layer("init_bn", _as_it_is, extra=True)}
    for i in range(config.depth):
        published_key = f"{key}_{i}" if i in chosen else None
        layers[str(i)] = Layer(
            f"blocks.{i}", _tokens_last, _TOKENS, published_key, extra=i not in chosen
        )
    layers["final"] = Layer("norm", _tokens_last, _TOKENS, extra=True)
    return layers


def default_layers(depth: int, step: int) -> tuple[int, ...]:
    """Return every ``step``-th of ``depth`` blocks from the first on, and the last."""
    return tuple(sorted({*range(0, depth, step), depth - 1}))


def _as_it_is(output: Tensor) -> Tensor:
    return output


def _tokens_last(output: Tensor) -> Tensor:
    return output.transpose(1, 2)


def load(spec: ModelSpec, source: Path | None) -> DashengModel:
    """Load one of the four models.

    Parameters
    ----------
    spec : ModelSpec
        Its ``options``: ``embed_dim``, ``depth`` and ``num_heads``, other entries of `Config` that
        replace the published ones, ``layer_step`` (every how many blocks there is a layer) and
        ``flat`` (a file of tensors alone, with the head of a classifier, which is not used).
    source : Path or None
        The folder with the released file, or the file; None for fresh weights, drawn as the
        original draws them.

    Returns
    -------
    DashengModel

    Raises
    ------
    InputError
        If the file is not the checkpoint of this model; the entry or tensor is named.
    """
    if source is None or spec.weights is None:
        config = published(spec)
        network = Dasheng(config)
        network.reset_parameters()
        return DashengModel(spec, config, network, computed(config))
    contents = read_contents(find_file(source, spec.weights.files[0].path.as_posix()))
    flat = spec.options.get("flat", False)
    state = contents.state() if flat else contents.state("model")
    config = (
        published(spec) if flat else from_file(spec, contents.values.get("config"), contents.path)
    )
    front_end = taken(config, state, contents.path)
    with torch.device("meta"):
        network = Dasheng(config)
    learned = {name: one for name, one in state.items() if name not in (WINDOW, FILTERS)}
    load_strict(network, learned, source=contents.path, unused=(HEAD,) if flat else ())
    return DashengModel(spec, config, network, front_end)
