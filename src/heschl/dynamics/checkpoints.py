"""The checkpoints of a training, in the order of their steps."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heschl.errors import InputError, UsageError
from heschl.fetch import RemoteFile
from heschl.models import check_reference

#: Endings of files that are checkpoints.
SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")

#: What a checkpoint that is a folder holds.
IN_FOLDERS = ("config.json", "model.pt", "model.safetensors", "pytorch_model.bin")

#: Where the step is in a name, the surest first.
_STEP = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"steps?[-_=]?(\d+)",
        r"iter(?:ation)?s?[-_=]?(\d+)",
        r"(?:checkpoint|ckpt)[-_=]?(\d+)",
        r"(\d+)(?!.*\d)",
    )
)


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of a training.

    Attributes
    ----------
    step : int
        Optimiser steps done.
    name : str
        Of its file or folder, or the reference itself.
    path : Path or None
        Where it is on this machine, or will be.
    reference : str or None
        What `heschl.load_model` takes, where it was given as such.
    remote : RemoteFile or None
        Where it is published; to be downloaded to ``path``.
    """

    step: int
    name: str
    path: Path | None = None
    reference: str | None = None
    remote: RemoteFile | None = field(default=None, repr=False)


def step_in(name: str) -> int | None:
    """Return the step in the name of a checkpoint; None if there is none.

    The number after ``step``, ``iter``, ``checkpoint`` or ``ckpt`` counts, else the last one.

    Examples
    --------
    >>> [step_in(name) for name in ("epoch=3-step=1000.ckpt", "checkpoint-500", "last.ckpt")]
    [1000, 500, None]
    """
    stem = name
    for suffix in SUFFIXES:
        stem = stem.removesuffix(suffix)
    found = (pattern.search(stem) for pattern in _STEP)
    return next((int(match[1]) for match in found if match), None)


def find_checkpoints(
    checkpoints: str | Path | Sequence[str | Path], *, every: int = 1
) -> list[Checkpoint]:
    """Find the checkpoints of a training, ordered by step.

    Parameters
    ----------
    checkpoints : str, Path or sequence of them
        One folder whose files or folders have steps in their names (``step-00001000``,
        ``checkpoint-1000``, ``epoch=3-step=1000.ckpt``); ``hf:ORG/NAME[/FOLDER]`` for such a folder
        of the hub; a name of `heschl.dynamics.PUBLISHED`; or several references of models.
    every : int, optional
        Only steps that are multiples of it.

    Raises
    ------
    UsageError
        If ``every`` is less than 1, or a reference has no step in it.
    UnknownNameError
        If a reference names no model.
    InputError
        If there is no checkpoint, or two have the same step.
    FetchError
        If a folder of the hub cannot be listed.
    """
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise UsageError(f"every is {every!r}; expected a whole number of at least 1")
    several = [checkpoints] if isinstance(checkpoints, str | Path) else list(checkpoints)
    if not several:
        raise UsageError("no checkpoints were given; expected a folder, or several references")
    found = _of_one(several[0]) if len(several) == 1 else [_reference(str(one)) for one in several]
    return _ordered(found, every, ", ".join(map(str, several[:3])))


def _of_one(place: str | Path) -> list[Checkpoint]:
    from heschl.dynamics.hub import is_hub_folder, list_hub

    if is_hub_folder(str(place)):
        return list_hub(str(place))
    folder = Path(place).expanduser()
    if folder.is_dir() and not _is_checkpoint(folder):
        return list(_in_folder(folder))
    if folder.exists():
        return [_reference(str(place))]
    raise UsageError(
        f"{str(place)!r}: no such folder; expected a folder of checkpoints, hf:ORG/NAME[/FOLDER], "
        "the name of a published trajectory, or several references of models with steps"
    )


def _in_folder(folder: Path) -> Iterable[Checkpoint]:
    for path in sorted(folder.iterdir()):
        step = step_in(path.name)
        if step is not None and not path.name.startswith(".") and _is_checkpoint(path):
            yield Checkpoint(step, path.name, path=path)


def _is_checkpoint(path: Path) -> bool:
    if path.is_dir():
        return any((path / name).is_file() for name in IN_FOLDERS)
    return path.suffix in SUFFIXES


def _reference(text: str) -> Checkpoint:
    path = Path(text).expanduser()
    name = path.name if path.exists() else text
    step = step_in(name)
    if step is None:
        raise UsageError(
            f"{text!r}: no step in its name; expected one, as in step-1000, checkpoint-1000 or "
            "epoch=3-step=1000.ckpt"
        )
    if path.exists():
        return Checkpoint(step, name, path=path)
    check_reference(text)
    return Checkpoint(step, name, reference=text)


def _ordered(found: Sequence[Checkpoint], every: int, where: str) -> list[Checkpoint]:
    if not found:
        raise InputError(
            f"{where}: no checkpoint in it; expected files ({', '.join(SUFFIXES)}) or folders with "
            "steps in their names, as in step-1000"
        )
    chosen = sorted((one for one in found if one.step % every == 0), key=lambda one: one.step)
    for one, other in itertools.pairwise(chosen):
        if one.step == other.step:
            raise InputError(
                f"{where}: {one.name} and {other.name} are both of step {one.step}; expected one "
                "checkpoint a step. Move one of them away"
            )
    if not chosen:
        steps = sorted(one.step for one in found)
        raise InputError(
            f"{where}: steps {steps[0]} to {steps[-1]}, none a multiple of {every}; expected a "
            "smaller number"
        )
    return chosen
