"""Foreign pickles are read into inert records: nothing that a pickle names is ever called.

Reading gives numbers, texts, lists, tuples, dictionaries and records, whatever the pickle says. No
library that a pickle was written with sees it, which is also why their versions do not matter.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from heschl.errors import InputError
from heschl.pickles.machine import Limits, Machine
from heschl.pickles.records import (
    ForeignNameError,
    Maker,
    Name,
    Record,
    is_record_class,
    record_class,
)

#: What a pickle that is damaged makes Python raise.
FAULTS = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    struct.error,
    TypeError,
    ValueError,
)


class Readable(Protocol):
    """What is needed of a stream."""

    def read(self, n: int, /) -> bytes:
        """Read so many bytes, or what is left."""

    def readline(self) -> bytes:
        """Read up to the end of a line."""

    def tell(self) -> int:
        """Return how many bytes were read."""


def read_inert(
    content: bytes | Readable,
    *,
    allowed: Collection[tuple[str, str]] | None = None,
    makers: Mapping[tuple[str, str], Callable[..., Any]] | None = None,
    persistent: Callable[[Any], Any] | None = None,
    limits: Limits | None = None,
) -> Any:
    """Read a pickle (protocols 2 to 5) into inert records.

    Parameters
    ----------
    content : bytes or stream of bytes
        The whole pickle, or a stream that stands where it begins; it then stands where it ended.
    allowed : collection of (module, name), optional
        The names that become records; any other is refused. By default every name becomes one.
    makers : mapping of (module, name) to function, optional
        What is made instead of a record where one of these names is called.
    persistent : function of an identifier, optional
        What stands for things outside of the pickle; by default they are refused.
    limits : Limits, optional

    Returns
    -------
    object
        Numbers, texts, bytes, lists, tuples, sets, dictionaries, records, classes of records (a
        name that is not called), and what the makers make.

    Raises
    ------
    ForeignNameError
        If it names something that is not allowed.
    InputError
        If it uses what no writer of such files uses, or has more than the limits.
    pickle.UnpicklingError, ValueError and the others of `FAULTS`
        If it is damaged or cut short.
    """
    known = {origin: Maker(origin, make) for origin, make in (makers or {}).items()}

    def find(module: str, name: str) -> Name:
        if (module, name) in known:
            return known[module, name]
        if allowed is None or (module, name) in allowed:
            return record_class((module, name))
        raise ForeignNameError(module, name)

    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    found = Machine(find, persistent, limits or Limits()).run(stream)
    if isinstance(content, bytes) and stream.tell() != len(content):
        raise InputError(f"goes on for {len(content) - stream.tell()} bytes after its end")
    return found


__all__ = [
    "FAULTS",
    "ForeignNameError",
    "Limits",
    "Maker",
    "Record",
    "is_record_class",
    "read_inert",
]
