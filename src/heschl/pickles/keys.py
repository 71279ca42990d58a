"""What may be a key of a dictionary or a member of a set, so that none takes long to find."""

from __future__ import annotations

from typing import Any

from heschl.errors import InputError

_LONGEST_TUPLE = 16
_MOST_BITS = 64

#: Whole numbers below this are told apart by their last bits, whichever they are.
_SMALL = 1 << 20

#: Other numbers, and tuples, can be chosen so that each has to be compared with all others (texts
#: cannot: their hashes differ from process to process). A checkpoint has a few thousand at most.
MOST_CHOSEN = 5_000


class Keys:
    """The check of all keys of one file."""

    def __init__(self) -> None:
        self._n_chosen = 0

    def checked(self, value: Any) -> Any:
        """Return a key; refuse deep tuples, very large numbers, and too many of either.

        Raises
        ------
        InputError
            If it is no text, number of at most 64 bits, name, or tuple of at most 16 of them; or if
            there have been too many that might all have one hash.
        """
        parts = value if isinstance(value, tuple) else (value,)
        if len(parts) > _LONGEST_TUPLE or not all(_is_simple(part) for part in parts):
            raise InputError(
                f"has a key of type {type(value).__name__}; expected a text, a number of at most "
                f"{_MOST_BITS} bits, or a short tuple of them"
            )
        if _could_be_chosen(value):
            self._n_chosen += 1
            if self._n_chosen > MOST_CHOSEN:
                raise InputError(
                    f"has more than {MOST_CHOSEN} keys that are no texts or small numbers"
                )
        return value


def _is_simple(value: Any) -> bool:
    if isinstance(value, int):
        return value.bit_length() <= _MOST_BITS
    return not isinstance(value, tuple | frozenset | complex)


def _could_be_chosen(value: Any) -> bool:
    if isinstance(value, int):
        return not 0 <= value < _SMALL
    return isinstance(value, float | tuple)
