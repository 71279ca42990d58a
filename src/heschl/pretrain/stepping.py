"""One step of the training: the loss of a batch, its gradient, and the optimiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from heschl.errors import HeschlError
from heschl.pretrain.frames import Frames, n_frames
from heschl.pretrain.losses import Counts, count, masked_cross_entropy
from heschl.pretrain.making import Made, learning_rate
from heschl.pretrain.recipe import Recipe

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    from heschl.pretrain.data.batch import Batch


@dataclass(frozen=True)
class Stepped:
    """What a step gave.

    Attributes
    ----------
    loss, masked_loss, visible_loss : float
        Of the whole batch, on all processes.
    learning_rate : float
    """

    loss: float
    masked_loss: float
    visible_loss: float
    learning_rate: float


class Stepper:
    """Does optimiser steps.

    Parameters
    ----------
    recipe : Recipe
    made : Made
    fabric : lightning.fabric.Fabric
        Launched.
    network, optimizer
        As fabric has set them up.
    """

    def __init__(
        self, recipe: Recipe, made: Made, fabric: Fabric, network: Any, optimizer: Any
    ) -> None:
        self.recipe, self.made, self.fabric = recipe, made, fabric
        self.network, self.optimizer = network, optimizer
        made.targets.to(fabric.device)
        self._weights = torch.tensor(made.targets.weights, device=fabric.device)

    def step(self, batch: Batch) -> Stepped:
        """Do one step.

        Raises
        ------
        HeschlError
            If the loss is nan or infinite; the weights are as they were.
        """
        rate = learning_rate(self.recipe, batch.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        total, masked, visible = self._backward(batch)
        self._check(batch, total)
        clip = self.recipe.training.clip
        if clip is not None:
            self.fabric.clip_gradients(self.network, self.optimizer, max_norm=clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return Stepped(total, masked, visible, rate)

    def _backward(self, batch: Batch) -> list[float]:
        """Compute the gradient; return loss, masked and visible loss over all processes."""
        fabric, device = self.fabric, self.fabric.device
        waveforms = batch.waveforms.to(device, non_blocking=True)
        frames = self._frames(batch, waveforms.shape[1])
        with torch.no_grad():
            inputs = self.made.config.front_end(waveforms)
            codes = self.made.targets(waveforms)
        coded = slice(codes.shape[-1])  # there may be a frame more or less of codes
        counted = count(frames.mask[:, coded], frames.valid[:, coded])
        counts = Counts(*self._summed(counted.to(device)))
        done = torch.zeros(3, device=device)
        pieces = _pieces(len(waveforms), self.recipe.training.parts)
        for rows in pieces:
            part = _rows(frames, rows).to(device)
            with fabric.no_backward_sync(self.network, enabled=rows is not pieces[-1]):
                loss = masked_cross_entropy(
                    self.network(inputs[rows], part),
                    codes[rows],
                    part.mask,
                    part.valid,
                    counts,
                    weights=self._weights,
                    masked=self.recipe.training.masked_weight,
                )
                # gradients are averaged over processes; the shares are to be added
                fabric.backward(loss.total * fabric.world_size)
            done += torch.stack([loss.total.detach(), loss.masked, loss.visible])
        return self._summed(done)

    def _summed(self, numbers: torch.Tensor) -> list[float]:
        """Return numbers added up over all processes."""
        added: Any = self.fabric.all_reduce(numbers, reduce_op="sum")
        return list(added.tolist())

    def _frames(self, batch: Batch, n_samples: int) -> Frames:
        front_end = self.made.config.front_end
        training = self.recipe.training
        return Frames.draw(
            n_frames(front_end, batch.n_samples).tolist(),
            batch.mask_seeds.tolist(),
            int(n_frames(front_end, torch.tensor(n_samples))),
            gap=training.mask_gap,
            proportion=training.mask_proportion,
        )

    def _check(self, batch: Batch, loss: float) -> None:
        if not torch.isfinite(torch.tensor(loss)):
            self.optimizer.zero_grad()
            items = batch.items.tolist()
            raise HeschlError(
                f"step {batch.step + 1}: the loss is {loss} (items {items[0]} to {items[-1]}); "
                "expected a number. The last checkpoint is from before: go on from it with a lower "
                "learning_rate, a warmup or a clip"
            )


def _pieces(n: int, parts: int) -> list[slice]:
    size = -(-n // min(parts, n))
    return [slice(start, start + size) for start in range(0, n, size)]


def _rows(frames: Frames, rows: slice) -> Frames:
    """Return the frames of some clips."""
    if rows.start == 0 and rows.stop >= len(frames.mask):
        return frames
    return Frames.of(frames.mask[rows], frames.valid[rows])
