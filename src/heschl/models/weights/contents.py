"""What a checkpoint holds: tensors by their names, and plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heschl.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

CONVERTED = ".safetensors"

_SHOWN = 5


@dataclass(frozen=True)
class NamedTensor:
    """Where a tensor stands in what a file holds; it is read when it is asked for."""

    name: str


class Contents:
    """Tensors and plain values of a checkpoint.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    tree : object
        Dictionaries, lists, plain values, and `NamedTensor` in the places of tensors.
    open_tensors : function of names
        Returns these tensors.
    """

    def __init__(
        self, path: Path, tree: Any, open_tensors: Callable[[Sequence[str]], list[Tensor]]
    ) -> None:
        self.path = path
        self._tree = tree
        self._open_tensors = open_tensors

    def state(self, *keys: str) -> dict[str, Tensor]:
        """Return the tensors of one dictionary of the file.

        Parameters
        ----------
        *keys : str
            The way to it from the top: ``state("model")`` for ``{"model": {...}}``; none for a file
            that is itself a dictionary of tensors.

        Returns
        -------
        dict of str to Tensor
            On the CPU, in the types of the file, mapped from it where the format allows. Values
            that are no tensors are left out.

        Raises
        ------
        InputError
            If there is no such dictionary, or no tensor in it (what is there is listed), or if the
            checksum of a tensor is not the one in the file.
        """
        found = self._tree
        for n, key in enumerate(keys):
            if not isinstance(found, Mapping) or key not in found:
                raise self._misses(f"no {key!r}", keys[:n], found)
            found = found[key]
        named = found.items() if isinstance(found, Mapping) else ()
        places = {str(key): one.name for key, one in named if isinstance(one, NamedTensor)}
        if not places:
            raise self._misses("no tensor", keys, found)
        return dict(zip(places, self._open_tensors(list(places.values())), strict=True))

    @property
    def values(self) -> dict[str, Any]:
        """Everything but the tensors: numbers, texts, lists, dictionaries by their top key.

        Tuples and sets have become lists. In a file of ``heschl convert``, an object that is no
        plain value is a dictionary of its attributes, with its name under ``"__class__"``.
        """
        plain = _without_tensors(self._tree)
        return plain if isinstance(plain, dict) else {}

    def _misses(self, what: str, way: Sequence[str], found: Any) -> InputError:
        place = f"{self.path}: {what} in " + (
            f"its {' / '.join(map(repr, way))}" if way else "the file"
        )
        return InputError(
            f"{place}; there is {_shown(found)}. Expected the published checkpoint of this model"
        )


def find_file(source: Path, name: str) -> Path:
    """Find a released file, or what it was converted to.

    Parameters
    ----------
    source : Path
        That file itself, under any name, or a folder with it.
    name : str
        Its released name, relative to the folder; its last part alone will do there too.

    Returns
    -------
    Path
        The converted file where there is one, else the released one.

    Raises
    ------
    InputError
        If it is not there; what is there is listed.
    """
    source = Path(source)
    if source.is_file():
        return source
    released = (source / name, source / Path(name).name)
    for path in (*(path.with_suffix(CONVERTED) for path in released), *released):
        if path.is_file():
            return path
    try:
        there = sorted(path.name for path in source.iterdir())
    except OSError as error:
        raise InputError(
            f"{source}: cannot be read ({error.strerror or error}); expected {name}, or a folder "
            "with it"
        ) from error
    shown = ", ".join(there[:_SHOWN]) + (", ..." if len(there) > _SHOWN else "")
    raise InputError(
        f"{source}: no {name} in it, only {shown or 'nothing'}; expected the released file"
    )


def _without_tensors(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if not isinstance(one, NamedTensor)}
        return {key: _without_tensors(one) for key, one in kept.items()}
    if isinstance(value, list):
        return [_without_tensors(one) for one in value if not isinstance(one, NamedTensor)]
    return value


def _shown(value: Any) -> str:
    """Show what is there, not all that it holds."""
    if not isinstance(value, Mapping):
        return f"a {'tensor' if isinstance(value, NamedTensor) else type(value).__name__}"
    names = [str(name)[:100] for name in value]
    if not names:
        return "nothing"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
