"""EnCodecMAE as a model: from a checkpoint, or with fresh weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from heschl.errors import InputError
from heschl.models.base import ModelSpec
from heschl.models.encodecmae import configuration
from heschl.models.encodecmae.configuration import Configuration
from heschl.models.encodecmae.frontends import SAMPLE_RATE, Waveform, describe
from heschl.models.encodecmae.network import Network, initialise
from heschl.models.encodecmae.seanet import SEANetEncoder
from heschl.models.network import Layer, NetworkModel
from heschl.models.references import CHECKPOINT
from heschl.models.weights import find_file, load_strict, read_contents

#: A last piece of a long clip has to have more samples than this, or it is left out.
LONGEST_DROPPED = 2048

#: Tensors of the training: decoder and what leads to it, heads, targets.
UNUSED = (
    r"decoder\..*",
    r"head\..*",
    r"target_encoder\..*",
    r"loss\..*",
    r"visible_encoder\.post_net\..*",
)


class EnCodecMAE(NetworkModel):
    """One EnCodecMAE.

    Layers are numbered from "0"; the last one is the sum of both residual streams, and
    ``"9-nopn"`` (with the number of the last) is its normed stream alone, as the others are.
    ``"frontend"`` is what the first linear layer takes. Clips of more than 4 s are cut into pieces
    of 4 s; a last piece of at most 2048 samples is left out.

    Parameters
    ----------
    spec : ModelSpec
    network : torch.nn.Module
    config : Configuration
    """

    def __init__(self, spec: ModelSpec, network: Network, config: Configuration) -> None:
        self.front_end = config.front_end
        super().__init__(
            name=spec.name,
            network=network,
            sample_rate=SAMPLE_RATE,
            layers=_layers(config.depth, spec.options["every"], spec.options.get("published")),
            architecture={
                "model": "encodecmae",
                "version": 1,
                "front_end": describe(config.front_end),
                "dim": config.dim,
                "depth": config.depth,
                "heads": config.heads,
                "hidden": config.hidden,
            },
            chunk_samples=config.chunk_samples,
            smallest_chunk=LONGEST_DROPPED + 1,
        )

    def inputs(self, waveforms: Tensor) -> Tensor:
        """Return the features of the front end, or the waveforms where the network has its own."""
        return self.front_end(waveforms)


def load(spec: ModelSpec, source: Path | None) -> EnCodecMAE:
    """Return one of the models.

    Parameters
    ----------
    spec : ModelSpec
        Its row in the table.
    source : Path or None
        The released file ``ID.pt``, a checkpoint of the training (``.ckpt``, a state without a
        config), or the folder with the former. None: fresh weights, drawn as before the published
        training.

    Raises
    ------
    InputError
        If the file is not the checkpoint of such a model; the tensor is named.
    """
    if source is None:
        config = configuration.published(spec.options)
        network = build(config)
        initialise(network)
        return EnCodecMAE(spec, network, config)
    path = find_file(source, f"{spec.options['published']}.pt")
    tensors, text = _contents(path)
    config = configuration.read(text, tensors, spec.options, source=str(path))
    return EnCodecMAE(spec, _filled(config, tensors, path), config)


def load_checkpoint(path: Path, name: str, *, fresh: bool = False) -> EnCodecMAE:
    """Return what was trained by ``heschl pretrain``, or any other EnCodecMAE in the same layout.

    Parameters
    ----------
    path : Path
        A file, or a folder with a ``model.pt``.
    name : str
        Of the model in results.
    fresh : bool, optional
        Draw all weights anew, those of EnCodec's encoder too, instead of taking those of the file.

    Raises
    ------
    InputError
        If it is not the checkpoint of an EnCodecMAE; the tensor is named.
    """
    file = path / CHECKPOINT if path.is_dir() else path
    tensors, text = _contents(file)
    options = {"front_end": configuration.kind(text, tensors, source=str(file)), "every": 1}
    config = configuration.read(text, tensors, options, source=str(file))
    if not fresh:
        return EnCodecMAE(_own(name, options), _filled(config, tensors, file), config)
    network = build(config)
    initialise(network)
    return EnCodecMAE(_own(name, options), network, config)


def in_training(network: nn.Module, config: Configuration, name: str) -> EnCodecMAE:
    """Return a model with the weights that a network under training has now, which are copied.

    Parameters
    ----------
    network : torch.nn.Module
        Has the parameters of a `Network` under their names, and others.
    config : Configuration
    name : str
    """
    with torch.device("meta"):  # nothing is drawn: the random state is the training's
        copied = build(config)
    copied.to_empty(device="cpu")
    state = network.state_dict()
    copied.load_state_dict({key: state[key] for key in copied.state_dict()})
    return EnCodecMAE(_own(name, {"front_end": config.front_end.kind, "every": 1}), copied, config)


def _own(name: str, options: Mapping[str, Any]) -> ModelSpec:
    return ModelSpec(
        name=name,
        family="encodecmae",
        summary="EnCodecMAE of a user's own",
        loader="heschl.models.encodecmae.model:load_checkpoint",
        licence="its trainer's",
        citation="Pepino, Riera & Ferrer, EnCodecMAE, arXiv 2309.07391 (2023)",
        options=options,
    )


def _contents(path: Path) -> tuple[Mapping[str, Tensor], str | None]:
    """Return the tensors and the gin text of a file."""
    contents = read_contents(path)
    nested = "state_dict" in contents.values
    tensors = contents.state("state_dict") if nested else contents.state()
    return tensors, _text(contents.values.get("config"), path)


def _filled(config: Configuration, tensors: Mapping[str, Tensor], source: Path) -> Network:
    with torch.device("meta"):
        network = build(config)
    load_strict(network, tensors, source=source, unused=UNUSED)
    return network


def build(config: Configuration) -> Network:
    """Return the network of a configuration, its weights as torch draws them."""
    front_end = config.front_end
    encoder: nn.Module = nn.Identity()
    if isinstance(front_end, Waveform):
        encoder = SEANetEncoder(front_end.scale)
    return Network(
        encoder,
        front_end.n_features,
        dim=config.dim,
        depth=config.depth,
        heads=config.heads,
        hidden=config.hidden,
    )


def _text(config: Any, path: Path) -> str | None:
    """Return the gin text of a file, if it has one."""
    if config is None or isinstance(config, str):
        return config
    raise InputError(
        f"{path}: its config is of type {type(config).__name__}; expected the text of a gin file, "
        "as in the published checkpoints"
    )


def _layers(depth: int, every: int, published: str | None) -> dict[str, Layer]:
    """All layers in order of execution; every so many and the last are default ones."""
    last = depth - 1
    layers = {"frontend": Layer("wav_encoder.encoder", _time_last, extra=True)}
    for i in range(last):
        layers[str(i)] = Layer(
            f"visible_encoder.encoder_layers.{i}",
            _normed,
            published=published and f"{published}_{i}",
            extra=i % every != 0,
        )
    layers[f"{last}-nopn"] = Layer(f"visible_encoder.encoder_layers.{last}", _normed, extra=True)
    layers[str(last)] = Layer(
        "visible_encoder", _time_last, published=published and f"{published}_{last}"
    )
    return layers


def _time_last(output: Tensor) -> Tensor:
    """(n_sounds, n_frames, n_features) to (n_sounds, n_features, n_frames)."""
    return output.transpose(1, 2)


def _normed(streams: tuple[Tensor, Tensor]) -> Tensor:
    """Return the normed one of both streams, time last."""
    return _time_last(streams[0])
