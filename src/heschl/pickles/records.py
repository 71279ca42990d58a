"""What a name of a pickle stands for: a record of what it was called with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from heschl.errors import InputError

_LONGEST_SHOWN = 100


def shown(text: str) -> str:
    """Return a text of a foreign file as it may stand in a message: short and on one line."""
    printable = "".join(one if one.isprintable() else "?" for one in text[:_LONGEST_SHOWN])
    return printable + ("..." if len(text) > _LONGEST_SHOWN else "")


class ForeignNameError(InputError):
    """A pickle names something that is not allowed in it.

    Attributes
    ----------
    name : str
        ``module.name``, as it may be shown.
    """

    def __init__(self, module: str, name: str) -> None:
        self.name = shown(f"{module}.{name}")
        super().__init__(f"names {self.name}, which such a file does not need")


class Record:
    """What a name of a pickle was called with, and what was given to the result.

    Attributes
    ----------
    origin : tuple of two str
        Module and name; one subclass for each.
    args : tuple
    state : object
        What the pickle would set its attributes from; None if nothing.
    entries : list
        What the pickle would append to it, add to it, or set in it (as pairs).
    """

    __slots__ = ("args", "entries", "state")

    origin: tuple[str, str] = ("", "")
    args: tuple[Any, ...]
    state: Any
    entries: list[Any]

    def __init__(self, args: tuple[Any, ...]) -> None:
        self.args = args  # shared, not copied: one tuple may be the arguments of many
        self.state = None
        self.entries = []

    @property
    def name(self) -> str:
        """The last part of its origin."""
        return self.origin[1]


def record_class(origin: tuple[str, str]) -> type[Record]:
    """Return a new subclass of `Record` for a module and a name."""
    name = f"{origin[1]}Record" if origin[1].isidentifier() else "Record"
    return type(name, (Record,), {"__slots__": (), "origin": origin})


@dataclass(frozen=True, eq=False)
class Maker:
    """A name of a pickle that stands for something of heschl's own.

    Attributes
    ----------
    origin : tuple of two str
        Module and name.
    make : function of the arguments
        What is put in the place of calling it. It only ever sees inert values, and must not copy
        long ones: one list may be the argument of a million calls.
    """

    origin: tuple[str, str]
    make: Callable[..., Any]


#: What a name is while a pickle is read: nothing else can be called.
Name = type[Record] | Maker


def is_record_class(value: Any) -> bool:
    """Whether a value is a name that was not called."""
    return isinstance(value, type) and issubclass(value, Record)
