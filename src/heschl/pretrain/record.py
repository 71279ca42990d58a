"""What a run's folder says of its recipe, and whether it may go on with another one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from heschl import store
from heschl.errors import DamagedEntryError, InputError
from heschl.pretrain.recipe import Recipe
from heschl.results import environment

FILE = "recipe.json"

#: What may change from one session of a run to the next: it does not determine the numbers, or
#: only those that are still to come. Sounds are compared by their index, EnCodec and a teacher by
#: their weights: these may have moved.
_FREE = (
    ("training", "steps"),
    ("training", "devices"),
    ("training", "nodes"),
    ("training", "accelerator"),
    ("training", "parts"),
    ("training", "learning_rate"),
    ("training", "warmup"),
    ("training", "clip"),
    ("data", "workers"),
    ("data", "skip_bad"),
    ("data", "sources"),
    ("checkpoints",),
    ("alignment",),
    ("encodec",),
    ("targets", "teacher"),
    ("training", "first_weights"),
)


def begun(run: Path) -> bool:
    """Whether a training has begun in a folder: its recipe is written when all is made."""
    return (run / FILE).is_file()


def check(run: Path, recipe: Recipe) -> None:
    """Refuse to go on with another recipe than the one that a run began with.

    Raises
    ------
    InputError
        If something differs that determines the numbers; the first of it is named.
    DamagedEntryError
        If the file of the run cannot be read.
    """
    if not begun(run):
        return
    difference = _difference(_read(run / FILE), recipe.model_dump(mode="json"))
    if difference:
        place, before, now = difference
        raise InputError(
            f"{place} is {now!r}; the training in {run} began with {before!r}. Go on with the "
            "recipe it began with, or begin in another folder"
        )


def keep(run: Path, recipe: Recipe) -> None:
    """Write a recipe into its run's folder.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    content = {"recipe": recipe.model_dump(mode="json"), "environment": environment()}
    store.write_json(run / FILE, content)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["recipe"]
        return dict(found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedEntryError(
            f"{path}: not readable ({error}); begin again in another folder"
        ) from error


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """Return the first place that has to be the same and is not, and both values."""
    old, new = dict(_flat(before)), dict(_flat(now))
    for place in dict.fromkeys([*old, *new]):
        free = any(place[: len(one)] == one for one in _FREE)
        if not free and old.get(place) != new.get(place):
            return ".".join(place), old.get(place), new.get(place)
    return None


def _flat(
    content: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, (*above, key))
        else:
            yield (*above, key), value
