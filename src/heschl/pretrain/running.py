"""Pretraining: from a recipe to checkpoints, losses and a trajectory, in a folder."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heschl import progress, store
from heschl.brain import DATASETS
from heschl.dynamics import Alignment
from heschl.dynamics.losses import Losses
from heschl.errors import InputError
from heschl.models.encodecmae.configuration import write
from heschl.models.encodecmae.model import EnCodecMAE, in_training
from heschl.pretrain import checkpoints, record
from heschl.pretrain.data import SoundIndex, open_index, refuse_tested
from heschl.pretrain.data.loading import batches
from heschl.pretrain.engine import launch, restore_scale, scale_of
from heschl.pretrain.making import Made, configuration, make, n_parameters, optimizer_of, sources
from heschl.pretrain.recipe import Recipe, RecipeFile
from heschl.pretrain.stepping import Stepped, Stepper

if TYPE_CHECKING:
    from lightning.fabric import Fabric

log = logging.getLogger("heschl")

#: Losses are written after so many steps, and with every checkpoint. Each time the whole table is.
_FLUSHED = 1000


@dataclass(frozen=True)
class Pretrained:
    """What `pretrain` leaves.

    Attributes
    ----------
    folder : Path
        Of the run.
    checkpoint : Path
        The last one.
    step : int
    loss : float
        Of the last step that was done; nan if none was.
    rank : int
        Of this process; the first, 0, has written everything.
    """

    folder: Path
    checkpoint: Path
    step: int
    loss: float
    rank: int


def pretrain(file: RecipeFile, folder: Path, *, show_progress: bool = True) -> Pretrained:
    """Train EnCodecMAE, or go on with it.

    A run that was cut off goes on from its last checkpoint, to the same weights to the bit (on one
    machine and device; on a GPU as far as its operations are deterministic).

    Parameters
    ----------
    file : RecipeFile
        See `heschl.pretrain.read_recipe`.
    folder : Path
        Of the run.
    show_progress : bool, optional

    Returns
    -------
    Pretrained

    Raises
    ------
    InputError, UsageError, AudioError
        If the recipe, the sounds or the devices cannot be used; before anything long has begun.
    HeschlError
        If the loss, or a weight, is no longer a number; the last checkpoint is from before.
    StoreError
        If the folder cannot be written.
    """
    recipe = file.description
    configuration(recipe)
    store.check_writable(folder)
    fabric = launch(recipe.training)
    show = show_progress and fabric.is_global_zero
    with fabric.rank_zero_first():
        record.check(folder, recipe)
        index = open_index(folder, sources(file), skip_bad=recipe.data.skip_bad, show_progress=show)
        made = make(file, folder, index)
        if fabric.is_global_zero:
            record.keep(folder, recipe)
    progress.say(summary(recipe, made, index), show=show)
    return _Run(file, folder, fabric, made, index).go(show=show)


class _Run:
    """A training under way."""

    def __init__(
        self, file: RecipeFile, folder: Path, fabric: Fabric, made: Made, index: SoundIndex
    ) -> None:
        self.recipe, self.folder, self.fabric = file.description, folder, fabric
        self.made, self.index = made, index
        self.alignment = _alignment(file, folder, index, fabric)
        optimizer = optimizer_of(self.recipe, made.network)
        first = self.recipe.training.first_weights
        self.begun = self._begin(optimizer, None if first is None else file.folder(first))
        network, self.optimizer = fabric.setup(made.network, optimizer)
        self.raw_optimizer = optimizer
        self.stepper = Stepper(self.recipe, made, fabric, network, self.optimizer)
        self.losses = Losses()
        network.train()

    def _begin(self, optimizer: Any, first_weights: Path | None) -> int:
        """Take the weights to begin with; return the steps that are done."""
        if self.fabric.is_global_zero:
            checkpoints.remove_partial(self.folder)
        saved = [one for one in checkpoints.saved(self.folder) if one.resumable]
        if saved:
            numbers = checkpoints.restore(saved[-1], self.made.network, optimizer)
            restore_scale(self.fabric, numbers["scale"])
            log.info("going on from step %d", saved[-1].step)
        elif first_weights is not None:
            left = checkpoints.begin_from(self.made.network, first_weights)
            log.info("first values are kept by %d tensors: %s", len(left), ", ".join(left))
        return saved[-1].step if saved else 0

    def go(self, *, show: bool) -> Pretrained:
        """Do the steps that are left."""
        steps = self.recipe.training.steps
        loss = float("nan")
        if self.begun > steps:
            raise InputError(
                f"{self.folder} has done {self.begun} steps; the recipe has {steps}. Expected as "
                "many or more: raise training: steps, or take the checkpoint that is there"
            )
        if not self.begun:
            self._keep(0)
        self._measure(self.begun)
        with (
            progress.bar(f"pretraining {self.recipe.name}", steps, "steps", show=show) as advance,
            closing(self._batches()) as loaded,
            self._losses_kept(),
        ):
            advance(self.begun)
            for batch in loaded:
                for reason in batch.replaced:
                    log.warning("drawn again: %s", reason)
                done = self.stepper.step(batch)
                loss = done.loss
                self._after(batch.step + 1, done)
                advance()
        last = checkpoints.saved(self.folder)[-1]
        return Pretrained(self.folder, last.folder, steps, loss, self.fabric.global_rank)

    def _batches(self) -> Any:
        data, training = self.recipe.data, self.recipe.training
        return batches(
            self.index,
            seed=training.seed,
            batch_size=training.batch_size,
            first_step=self.begun,
            last_step=training.steps,
            crop_seconds=data.crop,
            rank=self.fabric.global_rank,
            world_size=self.fabric.world_size,
            workers=data.workers,
            skip_bad=data.skip_bad,
        )

    def _after(self, step: int, done: Stepped) -> None:
        """Note, keep and measure what is due after a step."""
        self._note(step, **vars(done))
        if step % self.recipe.checkpoints.every == 0 or step == self.recipe.training.steps:
            self._keep(step)
        elif step % _FLUSHED == 0:
            self._write_losses()
        self._measure(step)

    def _keep(self, step: int) -> None:
        self._write_losses()
        if self.fabric.is_global_zero:
            checkpoints.save(
                self.folder,
                step,
                self.made.network,
                self.raw_optimizer,
                config=write(self.made.config),
                numbers={"scale": scale_of(self.fabric)},
            )
        self.fabric.barrier()

    def _note(self, step: int, **numbers: float) -> None:
        """Keep the losses of a step where they are kept: beside the trajectory, if there is one."""
        if self.alignment is not None:
            self.alignment.note(step, **numbers)
        elif self.fabric.is_global_zero:
            self.losses.note(step, **numbers)

    def _write_losses(self) -> None:
        if self.alignment is not None:
            self.alignment.flush()
        else:
            self.losses.write(self.folder)

    @contextmanager
    def _losses_kept(self) -> Iterator[None]:
        """Write the losses of steps that were done, whatever ends the training."""
        try:
            yield
        finally:
            self._write_losses()

    def _measure(self, step: int) -> None:
        if self.alignment is not None:
            self.alignment(self._model, step)

    def _model(self) -> EnCodecMAE:
        """Return the network as it is now, as a model that can be scored."""
        model = in_training(self.made.network, self.made.config, self.recipe.name)
        return model.to(str(self.fabric.device))


def _alignment(
    file: RecipeFile, folder: Path, index: SoundIndex, fabric: Fabric
) -> Alignment | None:
    """Return what measures alignment, on the first process; refuse sounds that it tests with."""
    part = file.description.alignment
    if not part.datasets or not fabric.is_global_zero:
        return None
    alignment = Alignment(
        [_dataset(file, one) for one in part.datasets],
        every=part.every,
        folder=folder,
        name=file.description.name,
        metrics=part.metrics,
        n_bootstrap=part.bootstrap,
        tensorboard=part.tensorboard,
    )
    for dataset in alignment.datasets:
        refuse_tested(index, dataset.sounds)
    return alignment


def _dataset(file: RecipeFile, text: str) -> str | Path:
    """Return the name of a dataset, or its folder, which is from the folder of the recipe."""
    folder = file.folder(Path(text))
    return folder if text not in DATASETS and folder.exists() else text


def summary(recipe: Recipe, made: Made, index: SoundIndex) -> str:
    """Say in one line what is trained, and on what."""
    seconds = index.seconds
    return (
        f"{n_parameters(made.network) / 1e6:.1f} million parameters, {len(index):,} files, "
        f"{seconds / 3600:.1f} h of sound, {recipe.training.steps:,} steps of "
        f"{recipe.training.batch_size} crops"
    )
