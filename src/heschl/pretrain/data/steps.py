"""Which crops one process trains on, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from heschl.pretrain.data.drawing import Crop, draw
from heschl.pretrain.data.index import SoundIndex


class Request(NamedTuple):
    """A crop to be read.

    Attributes
    ----------
    path : str
        The file of the crop.
    crop : Crop
    """

    path: str
    crop: Crop


@dataclass(frozen=True)
class Steps:
    """The crops of all steps that one process trains on.

    Attributes
    ----------
    index : SoundIndex
    seed : int
    crop_seconds : float
    numbers : range
        Of the steps.
    batch_size : int
        Of all processes together.
    rank, world_size : int
        Which process, of how many.
    """

    index: SoundIndex
    seed: int
    crop_seconds: float
    numbers: range
    batch_size: int
    rank: int
    world_size: int

    def __iter__(self) -> Iterator[list[Request]]:
        """Yield the requests of each step; the loader asks for them as it reads ahead."""
        for step in self.numbers:
            yield [self.request(self.crop(item)) for item in self.items(step)]

    def items(self, step: int) -> range:
        """Return the numbers of the items of a step."""
        first = step * self.batch_size
        return range(first + self.rank, first + self.batch_size, self.world_size)

    def crop(self, item: int, attempt: int = 0) -> Crop:
        """Draw an item."""
        return draw(self.index, self.seed, item, self.crop_seconds, attempt=attempt)

    def request(self, crop: Crop) -> Request:
        """Say where a crop is read."""
        return Request(str(self.index.path(crop.file)), crop)
