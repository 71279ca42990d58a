"""What a user may write for a model: a name, a folder, a hub's name, a module, and its control."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from heschl.errors import UsageError

FORMS = (
    "NAME, NAME@random:SEED, NAME@permuted:SEED, NAME@file:PATH, hf:ORG/NAME, a folder with a "
    "config.json, hear:MODULE[:WEIGHTS], torch:MODULE:FUNCTION, or a checkpoint of heschl pretrain"
)

#: The folder of a training's checkpoints, and in each of them the file of the weights.
CHECKPOINTS, CHECKPOINT = "checkpoints", "model.pt"
SUFFIXES = (".pt", ".ckpt", ".safetensors")

_CONTROL = re.compile(r"(?P<rest>.+)@(?P<control>random|permuted):(?P<seed>.*)", re.DOTALL)
_FILE = re.compile(r"(?P<rest>[^@]+)@file:(?P<path>.+)", re.DOTALL)


@dataclass(frozen=True)
class Reference:
    """One model, as a user named it.

    Attributes
    ----------
    kind : str
        "zoo" for a name of the table, else "hf", "hear", "torch" or "checkpoint".
    target : str
        The name, the repository or folder, the module, or the path of a checkpoint.
    argument : str or None
        What follows the module: weights (hear) or function (torch).
    control : str or None
        "random" (fresh weights), "permuted" (shuffled weights), or None.
    seed : int
        Of the control.
    file : Path or None
        Weights to load instead of the published ones.
    """

    kind: str
    target: str
    argument: str | None = None
    control: str | None = None
    seed: int = 0
    file: Path | None = None

    @property
    def name(self) -> str:
        """What the model is called in results: the reference without folders."""
        name = self.target if self.kind == "zoo" else f"{self.kind}:{_last(self.target)}"
        if self.kind == "checkpoint":
            name = _of_run(_path(self.target).resolve())
        elif self.kind == "torch":
            name = f"{name}:{self.argument}"
        elif self.argument is not None:
            name = f"{name}:{_last(self.argument)}"
        if self.file is not None:
            name = f"{name}@file:{self.file.name}"
        return name if self.control is None else f"{name}@{self.control}:{self.seed}"


def _last(target: str) -> str:
    """Name of a folder or file; a hub's ORG/NAME stays whole."""
    path = _path(target)
    if path.exists() or path.is_absolute() or target.startswith("."):
        return path.resolve().name
    return target


def _of_run(path: Path) -> str:
    """Name of a training and of its checkpoint, as ``tiny/step-00001000``."""
    if path.name == CHECKPOINT:
        path = path.parent
    name = path.stem if path.suffix in SUFFIXES else path.name
    run = next((one.name for one in path.parents if one.name != CHECKPOINTS), "")
    return f"{run}/{name}" if run else name


def is_checkpoint(path: Path) -> bool:
    """Whether something is a file of weights, or a folder that ``heschl pretrain`` wrote."""
    return (path / CHECKPOINT).is_file() or (path.suffix in SUFFIXES and path.is_file())


def parse(text: str) -> Reference:
    """Take a reference apart.

    Parameters
    ----------
    text : str
        One of `FORMS`.

    Returns
    -------
    Reference

    Raises
    ------
    UsageError
        If it has none of these forms.
    """
    rest, control, seed, file = text, None, 0, None
    if match := _CONTROL.fullmatch(rest):
        rest, control = match["rest"], match["control"]
        if not re.fullmatch(r"[0-9]{1,9}", match["seed"]):
            raise UsageError(
                f"{text!r}: the seed is {match['seed']!r}; expected a whole number from 0 to "
                f"999999999, as in {rest}@{control}:0"
            )
        seed = int(match["seed"])
    if match := _FILE.fullmatch(rest):
        rest, file = match["rest"], _path(match["path"])
        if control == "random":
            raise UsageError(f"{text!r}: fresh weights and weights of a file; expected one of them")
    kind, target, argument = _kind(rest, text)
    if file is not None and kind != "zoo":
        raise UsageError(f"{text!r}: @file:PATH goes with a model of 'heschl list models' only")
    return Reference(kind, target, argument, control, seed, file)


def _kind(rest: str, text: str) -> tuple[str, str, str | None]:
    kind, colon, target = rest.partition(":")
    if colon and kind in ("hf", "hear", "torch"):
        if not target:
            raise UsageError(f"{text!r}: nothing follows {kind}:; expected one of {FORMS}")
        if kind == "hf":
            return kind, target, None
        module, second, argument = target.partition(":")
        if "@" in module or (kind == "torch" and "@" in argument):  # in no name of Python
            raise _unknown_control(text)
        if kind == "torch" and not argument:
            raise UsageError(f"{text!r}: no function is named; expected torch:MODULE:FUNCTION")
        return kind, module, argument if second else None
    if _is_there(lambda: (_path(rest) / "config.json").is_file()):
        return "hf", rest, None
    if _is_there(lambda: is_checkpoint(_path(rest))):
        return "checkpoint", rest, None
    if "@" in rest:
        raise _unknown_control(text)
    return "zoo", rest, None


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{text!r}: no such user; expected a path without '~'") from error


def _is_there(look: Callable[[], bool]) -> bool:
    """Whether a file is there; none is whose name is too long for one, or in a forbidden folder."""
    try:
        return look()
    except OSError:
        return False


def _unknown_control(text: str) -> UsageError:
    return UsageError(f"{text!r}: unknown control after '@'; expected one of {FORMS}")
