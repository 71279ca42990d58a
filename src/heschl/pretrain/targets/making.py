"""From a recipe to its targets: loaded, fitted, or as they were fitted when the training began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from heschl.errors import InputError
from heschl.models import load_model
from heschl.models.encodecmae.configuration import Configuration
from heschl.models.encodecmae.frontends import Mel
from heschl.models.encodecmae.model import EnCodecMAE
from heschl.models.references import is_checkpoint
from heschl.pretrain.data import SoundIndex
from heschl.pretrain.data.loading import batches
from heschl.pretrain.frames import n_frames
from heschl.pretrain.losses import CODEBOOK_WEIGHTS
from heschl.pretrain.recipe import Recipe, RecipeFile
from heschl.pretrain.record import begun
from heschl.pretrain.targets import Targets
from heschl.pretrain.targets.clusters import N_CLUSTERS, Clusters
from heschl.pretrain.targets.encodec import EnCodecCodes
from heschl.pretrain.targets.keeping import keep_fitted, read_fitted
from heschl.pretrain.targets.projection import N_CODES, RandomProjection

#: Front ends differ by this share of their frames: one of EnCodec's lasts 320 samples, of mel 318.
_FRAMES_APART = 0.01


def make_targets(
    file: RecipeFile, config: Configuration, run: Path, index: SoundIndex, codec: Any
) -> Targets:
    """Make the targets of a recipe; what is fitted or drawn is kept in the run's folder.

    Parameters
    ----------
    file : RecipeFile
    config : Configuration
        Of the network.
    run : Path
        Folder of the run.
    index : SoundIndex
    codec : transformers.EncodecModel or None
        For targets of kind encodec.

    Raises
    ------
    InputError
        If a model that is needed is not one that can be used, or not the one that the training
        began with.
    DamagedEntryError
        If what was fitted before cannot be read.
    """
    recipe = file.description
    part, seed = recipe.targets, recipe.training.seed
    # otherwise what is there is of a recipe that nothing came of
    kept = read_fitted(run) if begun(run) else None
    found: Targets
    if part.kind == "encodec":
        found = EnCodecCodes(codec, part.codebooks or len(CODEBOOK_WEIGHTS))
    elif part.kind == "clusters":
        teacher = _teacher(file, config)
        if kept is None:
            n_clusters = part.codes or N_CLUSTERS
            found = Clusters.fit(teacher, _crops(recipe, index), n_clusters=n_clusters, seed=seed)
        else:
            found = Clusters(teacher, kept.tensors["centres"])
    elif kept is None:
        found = RandomProjection.draw(
            _crops(recipe, index),
            n_codebooks=part.codebooks or 1,
            n_codes=part.codes or N_CODES,
            seed=seed,
        )
    else:
        found = RandomProjection(**kept.tensors)
    keep_fitted(run, found, kept)
    return found


def path_or_name(file: RecipeFile, text: str) -> str:
    """Let a path that the recipe names be one from its folder; leave names as they are."""
    path = file.folder(Path(text))
    return str(path) if (path / "config.json").is_file() or is_checkpoint(path) else text


def _teacher(file: RecipeFile, config: Configuration) -> EnCodecMAE:
    """Return the model whose frames are clustered; they have to be those of the network."""
    model = load_model(path_or_name(file, str(file.description.targets.teacher)))
    if not isinstance(model, EnCodecMAE):
        raise InputError(
            f"teacher is {model.name}; expected an EnCodecMAE: a checkpoint, or one of 'heschl "
            "list models'"
        )
    n_samples = torch.tensor(config.chunk_samples)
    own, its = (int(n_frames(x, n_samples)) for x in (config.front_end, model.front_end))
    if abs(its - own) > 1 + _FRAMES_APART * own:
        raise InputError(
            f"teacher {model.name} makes {its} frames of a crop, and the network {own}; expected "
            "as many, since each frame is given the code of the teacher's frame of that number"
        )
    return model


def _crops(recipe: Recipe, index: SoundIndex) -> Iterator[Tensor]:
    """Yield crops without their padding, one by one (1, n_samples).

    They are those of the first steps of the training itself; those that are shorter than a frame
    are left out.
    """
    shortest = Mel().frame_length
    looked = batches(
        index,
        seed=recipe.training.seed,
        batch_size=1,
        first_step=0,
        last_step=recipe.targets.crops,
        crop_seconds=recipe.data.crop,
        skip_bad=recipe.data.skip_bad,
    )
    with closing(looked) as crops:
        for crop in crops:
            n_samples = int(crop.n_samples[0])
            if n_samples >= shortest:
                yield crop.waveforms[:, :n_samples]
