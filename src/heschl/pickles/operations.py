"""What a pickle does to values: calls are recorded, containers are filled."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from heschl.pickles.keys import Keys
from heschl.pickles.records import Maker, Record, is_record_class

_MOST_ARGUMENTS = 16


def call(called: Any, args: Any) -> Any:
    """Record a call; what is called may itself be the result of a recorded call."""
    if not isinstance(args, tuple):
        raise TypeError("arguments that are no tuple")
    if isinstance(called, Maker):
        if len(args) > _MOST_ARGUMENTS:
            raise TypeError(f"{len(args)} arguments")
        return called.make(*args)
    if is_record_class(called):
        return called(args)
    if isinstance(called, Record):
        return type(called)((called, args))
    raise TypeError(f"a call of a value of type {type(called).__name__}")


def extend(target: Any, values: list[Any]) -> None:
    """Append values."""
    if isinstance(target, Record):
        target.entries.extend(values)
    elif isinstance(target, list):
        target.extend(values)
    else:
        raise TypeError(f"values appended to one of type {type(target).__name__}")


def add(target: Any, values: list[Any], keys: Keys) -> None:
    """Add values to a set."""
    if isinstance(target, Record):
        target.entries.extend(values)
    elif isinstance(target, set):
        target.update(keys.checked(value) for value in values)
    else:
        raise TypeError(f"values added to one of type {type(target).__name__}")


def assign(target: Any, values: list[Any], keys: Keys) -> None:
    """Set entries: keys and values in turn."""
    if len(values) % 2:
        raise TypeError("keys without a value")
    pairs = zip(values[::2], values[1::2], strict=True)
    if isinstance(target, Record):
        target.entries.extend(pairs)
    elif isinstance(target, dict):
        target.update((keys.checked(key), value) for key, value in pairs)
    else:
        raise TypeError(f"entries set in a value of type {type(target).__name__}")


def build(target: Any, state: Any) -> None:
    """Give a value its state, from which pickle would set its attributes."""
    if isinstance(target, Record):
        target.state = state
    elif not isinstance(target, OrderedDict):  # attributes of one (a state_dict's) are left out
        raise TypeError(f"a state for a value of type {type(target).__name__}")
