"""Names that checkpoints use for plain values: what they stand for, without calling them."""

from __future__ import annotations

import struct
from collections import OrderedDict
from typing import Any

from heschl.errors import InputError
from heschl.pickles.keys import Keys
from heschl.pickles.records import Record

#: Entries and bytes that may be copied in all from one pickle: one list or text can be the argument
#: of a million calls.
_MOST_ENTRIES = 2_000_000
_MOST_BYTES = 100_000_000

_LONGEST_DEVICE = 100

#: numpy's codes of types of one number, and Python's.
_CODES = {"b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H"} | {
    "u4": "I",
    "u8": "Q",
    "f2": "e",
    "f4": "f",
    "f8": "d",
}


class PlainMakers:
    """What stands for the names of plain values, for one pickle."""

    def __init__(self) -> None:
        self._n_entries = 0
        self._n_bytes = 0
        self._keys = Keys()
        self.makers = {
            ("collections", "OrderedDict"): self.ordered,
            ("collections", "defaultdict"): lambda *_: OrderedDict(),
            ("collections", "Counter"): lambda counts=None: self.ordered(counts),
            ("torch", "Size"): _tuple,
            ("torch", "device"): _device,
            ("_codecs", "encode"): self.encoded,
        }
        for builtins in ("builtins", "__builtin__"):
            for name in ("set", "frozenset", "list", "tuple"):
                self.makers[builtins, name] = _list
            self.makers[builtins, "dict"] = self.ordered
            for name in ("bytearray", "bytes"):
                self.makers[builtins, name] = _bytes
        for numpy in ("numpy.core.multiarray", "numpy._core.multiarray"):
            self.makers[numpy, "scalar"] = _scalar

    def ordered(self, content: Any = None, /) -> OrderedDict[Any, Any]:
        """Make a dictionary of nothing, of another one, or of pairs."""
        pairs = list(content.items()) if isinstance(content, dict) else content or []
        self._n_entries += len(pairs)
        if self._n_entries > _MOST_ENTRIES:
            raise InputError(f"copies more than {_MOST_ENTRIES} entries")
        made: OrderedDict[Any, Any] = OrderedDict()
        for key, value in pairs:
            made[self._keys.checked(key)] = value
        return made

    def encoded(self, text: Any, encoding: Any = None, /) -> bytes:
        """Carry out ``encode(text, "latin1")``: how protocol 2 writes bytes."""
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise InputError("has a text in another code than latin1")
        self._n_bytes += len(text)
        if self._n_bytes > _MOST_BYTES:
            raise InputError(f"copies more than {_MOST_BYTES} bytes")
        return text.encode("latin-1")


def _tuple(values: Any = (), /) -> tuple[Any, ...]:
    if not isinstance(values, tuple):
        raise InputError(f"has a shape of type {type(values).__name__}")
    return values


def _list(values: Any = (), /) -> Any:
    """Return what a set, list or tuple was made of: its order and repeats tell nothing more."""
    if not isinstance(values, list | tuple | set):
        raise InputError(f"has a list made of a value of type {type(values).__name__}")
    return values


def _device(*args: Any) -> str:
    if not all(isinstance(one, str | int) for one in args):
        raise InputError("has a device that is no text")
    if any(isinstance(one, str) and len(one) > _LONGEST_DEVICE for one in args):
        raise InputError(f"has a device of more than {_LONGEST_DEVICE} characters")
    return ":".join(str(one) for one in args)


def _bytes(content: Any = b"", *_: Any) -> bytes | bytearray:
    if not isinstance(content, bytes | bytearray):
        raise InputError(f"has bytes made of a value of type {type(content).__name__}")
    return content


def _scalar(dtype: Any, content: Any = b"", /) -> int | float | bool:
    """Decode ``scalar(dtype("f8"), bytes)`` of numpy."""
    code = dtype.args[0] if isinstance(dtype, Record) and dtype.args else None
    if not isinstance(code, str) or code not in _CODES or not isinstance(content, bytes):
        raise InputError("has a numpy value that is no number")
    order = ">" if isinstance(dtype.state, tuple) and ">" in dtype.state[1:2] else "<"
    number: int | float | bool = struct.unpack(f"{order}{_CODES[code]}", content)[0]
    return number
