"""Sizes of memory, as people write them."""

from __future__ import annotations

import re

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def n_bytes(text: str) -> int:
    """Return how many bytes a text says.

    Raises
    ------
    ValueError
        If it is not a number with a unit.

    Examples
    --------
    >>> n_bytes("1.5 GB")
    1500000000
    """
    found = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([KMGT]?i?B)\s*", text, re.IGNORECASE)
    size = 0 if found is None else round(float(found[1]) * _UNITS[found[2].upper()])
    if size < 1:
        raise ValueError(f"{text!r}: no size; expected a number and a unit, as '32 GB'")
    return size
