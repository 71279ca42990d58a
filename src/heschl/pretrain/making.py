"""From a recipe to what is trained: network, targets, and the index of the sounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from heschl.errors import InputError
from heschl.models.controls import seeded
from heschl.models.encodecmae.configuration import Configuration
from heschl.models.encodecmae.frontends import FRONT_ENDS, SAMPLE_RATE, Waveform
from heschl.models.encodecmae.model import LONGEST_DROPPED
from heschl.pretrain import encodec
from heschl.pretrain.data import SoundIndex, Source
from heschl.pretrain.network import PretrainingNetwork
from heschl.pretrain.recipe import Recipe, RecipeFile
from heschl.pretrain.targets import Targets
from heschl.pretrain.targets.making import make_targets, path_or_name


@dataclass(frozen=True)
class Made:
    """What a recipe describes.

    Attributes
    ----------
    config : Configuration
        Of the encoder, as checkpoints have it.
    network : PretrainingNetwork
    targets : Targets
    """

    config: Configuration
    network: PretrainingNetwork = field(repr=False)
    targets: Targets = field(repr=False)


def sources(file: RecipeFile) -> tuple[Source, ...]:
    """Return the sets of recordings that a recipe names."""
    return tuple(
        Source(file.folder(one.folder), weight=one.weight, name=one.name or "")
        for one in file.description.data.sources
    )


def configuration(recipe: Recipe) -> Configuration:
    """Return the sizes of the encoder, and its front end.

    Raises
    ------
    InputError
        If a crop is shorter than what the model that comes of it takes.
    """
    part = recipe.network
    dim, depth = part.shape
    front_end = FRONT_ENDS[part.input]()
    n_samples = round(recipe.data.crop * SAMPLE_RATE)
    if n_samples <= LONGEST_DROPPED:
        raise InputError(
            f"crop is {recipe.data.crop} s, {n_samples} samples at {SAMPLE_RATE} Hz; expected more "
            f"than {LONGEST_DROPPED}: longer sounds are cut into pieces of a crop when the model "
            "is used, and shorter pieces are left out"
        )
    return Configuration(front_end, dim, depth, part.heads, part.hidden, n_samples)


def make(file: RecipeFile, run: Path, index: SoundIndex) -> Made:
    """Make network and targets; what is fitted for the targets is kept in the run's folder.

    Parameters
    ----------
    file : RecipeFile
    run : Path
        Folder of the run.
    index : SoundIndex

    Raises
    ------
    InputError
        If a model that is needed is not one that can be used.
    FetchError
        If one cannot be had.
    DamagedEntryError
        If what was fitted before cannot be read.
    """
    recipe = file.description
    config = configuration(recipe)
    needed = "encodec" in (recipe.network.input, recipe.targets.kind)
    codec = encodec.load_encodec(path_or_name(file, recipe.encodec)) if needed else None
    targets = make_targets(file, config, run, index, codec)
    with seeded(recipe.training.seed):
        network = PretrainingNetwork(
            encodec.front_end_of(codec)
            if isinstance(config.front_end, Waveform)
            else nn.Identity(),
            config.front_end.n_features,
            dim=config.dim,
            depth=config.depth,
            heads=config.heads,
            hidden=config.hidden,
            decoder_depth=recipe.network.decoder_depth,
            n_codebooks=targets.n_codebooks,
            n_codes=targets.n_codes,
        )
    return Made(config, network, targets.eval().requires_grad_(requires_grad=False))


def n_parameters(network: nn.Module) -> int:
    """Return how many numbers are trained."""
    return sum(one.numel() for one in network.parameters() if one.requires_grad)


def optimizer_of(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of a network."""
    part = recipe.training
    trained = [one for one in network.parameters() if one.requires_grad]
    return torch.optim.AdamW(
        trained, lr=part.learning_rate, betas=part.betas, weight_decay=part.weight_decay
    )


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the learning rate of a step, counted from 0."""
    part = recipe.training
    return part.learning_rate * min(1.0, (step + 1) / (part.warmup + 1))
