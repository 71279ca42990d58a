"""What the records of a pickled table mean: numbers and texts, decoded from data alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.pickles import Record

_NUMBERS = frozenset({"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"})
_ARRAYS = ("_reconstruct", "_frombuffer")
_STRING_ARRAYS = ("StringArray", "StringArrayNumpySemantics", "__pyx_unpickle_NDArrayBacked")
_ARROW_ARRAYS = ("ArrowStringArray", "ArrowStringArrayNumpySemantics")
_ARROW_OFFSETS = {"string": "<i4", "utf8": "<i4", "large_string": "<i8", "large_utf8": "<i8"}


def named(value: Any, *names: str) -> bool:
    """Whether a value is a record of one of these names."""
    return isinstance(value, Record) and value.name in names


def decode_array(value: Any) -> NDArray[Any]:
    """Decode the values of an array of numbers, of objects, or of texts.

    Parameters
    ----------
    value : Record
        Of a numpy array, or of an array of strings of pandas.

    Returns
    -------
    ndarray, of one or two dimensions
        Of a number type, or of object: then every value is a text, a number, or None or nan for
        what is missing.

    Raises
    ------
    InputError
        If it is something else, or its parts do not fit together.
    """
    if named(value, *_ARRAYS):
        return _numpy_array(value)
    if named(value, *_ARROW_ARRAYS):
        return _arrow_strings(_member(value.state, "_pa_array"))
    if named(value, *_STRING_ARRAYS):
        return _numpy_strings(value.state)
    raise InputError(f"{_shown(value)} where an array is expected")


def _numpy_strings(state: Any) -> NDArray[Any]:
    parts = list(state.values()) if isinstance(state, dict) else state
    for part in parts if isinstance(parts, list | tuple) else ():
        if named(part, *_ARRAYS):
            return _numpy_array(part)
    raise InputError("an array of strings without its values")


def _numpy_array(value: Record) -> NDArray[Any]:
    """Decode ``_frombuffer(bytes, dtype, shape, order)``, or ``_reconstruct`` with its state."""
    if value.name == "_frombuffer":
        content, dtype, shape, order = _parts(value.args, 4)
    else:
        _, shape, dtype, fortran, content = _parts(value.state, 5)
        order = "F" if fortran else "C"
    dtype, shape = _dtype(dtype), _shape(shape)
    n_values = math.prod(shape)
    if dtype.hasobject:
        if not isinstance(content, list) or len(content) != n_values:
            raise InputError(f"an array of shape {shape} with another number of objects")
        out = np.empty(n_values, object)
        out[:] = [_object(one) for one in content]
        return out.reshape(shape)  # objects are listed in C order whatever the order in memory
    content = _bytes(content)
    if len(content) != n_values * dtype.itemsize or order not in ("C", "F"):
        raise InputError(f"an array of shape {shape}, type {dtype}, with {len(content)} bytes")
    if dtype.kind == "b":
        return (np.frombuffer(content, np.uint8) != 0).reshape(shape, order=order)
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _dtype(value: Any) -> np.dtype[Any]:
    """Decode ``dtype("f8", False, True)`` with the state ``(3, "<", ...)``."""
    if not named(value, "dtype"):
        raise InputError(f"{_shown(value)} where a numpy type is expected")
    code = value.args[0] if value.args else None
    order = "|" if value.state is None else _parts(value.state, 2)[1]
    if code in ("O", "O8"):
        return np.dtype(object)
    if not isinstance(code, str) or code not in _NUMBERS or order not in ("<", ">", "|", "="):
        raise InputError(f"values of the numpy type {code!r}; expected numbers or texts")
    return np.dtype(order + code)


def _shape(value: Any) -> tuple[int, ...]:
    sizes = value if isinstance(value, tuple) else (value,)
    if not 1 <= len(sizes) <= 2 or not all(type(n) is int and n >= 0 for n in sizes):
        raise InputError(f"an array of shape {value!r}; expected one or two dimensions")
    return sizes


def _object(value: Any) -> Any:
    """Decode one value of an array of objects."""
    if value is None or isinstance(value, str | int | float):
        return value
    if named(value, "scalar"):
        dtype, content = _parts(value.args, 2)
        dtype, content = _dtype(dtype), _bytes(content)
        if not dtype.hasobject and len(content) == dtype.itemsize:
            return np.frombuffer(content, dtype)[0].item()
    raise InputError(f"{_shown(value)} as a value; expected texts, numbers or None")


def _bytes(value: Any) -> bytes:
    """Decode bytes, written as ``bytearray(encode(text, "latin1"))`` and such before protocol 5."""
    if named(value, "bytes", "bytearray"):
        value = value.args[0] if value.args else b""
    if named(value, "encode") and len(value.args) == 2 and value.args[1] == "latin1":
        value = str(value.args[0]).encode("latin1")
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise InputError(f"{_shown(value)} where bytes are expected")


def _arrow_strings(value: Any) -> NDArray[Any]:
    """Decode an Arrow array of strings: ``(type, length, nulls, offset, buffers, ...)``.

    Layout: https://arrow.apache.org/docs/format/Columnar.html, "Variable-size Binary Layout".
    """
    if not named(value, "_restore_array"):
        raise InputError(f"{_shown(value)} where an Arrow array is expected")
    (parts,) = _parts(value.args, 1)
    kind, length, _, start, buffers = _parts(parts, 5)
    alias = kind.args[0] if named(kind, "type_for_alias") and kind.args else None
    if alias not in _ARROW_OFFSETS or not all(type(n) is int and n >= 0 for n in (length, start)):
        raise InputError(f"an Arrow array of {alias!r}; expected strings")
    valid, offsets, content = (_buffer(buffer) for buffer in _parts(buffers, 3))
    places = np.frombuffer(offsets, _ARROW_OFFSETS[alias])[start : start + length + 1].tolist()
    if length and len(places) != length + 1:
        raise InputError(f"an Arrow array of {length} strings with too few offsets")
    known = [True] * length
    if valid:
        bits = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")
        known = bits[start : start + length].astype(bool).tolist()
    out = np.empty(length, object)
    for i, (is_known, first, last) in enumerate(zip(known, places[:-1], places[1:], strict=True)):
        if is_known and not 0 <= first <= last <= len(content):
            raise InputError(f"string {i} of an Arrow array lies outside of it")
        out[i] = content[first:last].decode("utf-8") if is_known else None
    return out


def _buffer(value: Any) -> bytes:
    if value is None:
        return b""
    if not named(value, "py_buffer"):
        raise InputError(f"{_shown(value)} where an Arrow buffer is expected")
    return _bytes(_parts(value.args, 1)[0])


def _parts(value: Any, n: int) -> Sequence[Any]:
    """Return the first parts of a tuple or list that has at least so many."""
    if not isinstance(value, list | tuple) or len(value) < n:
        raise InputError(f"{_shown(value)} where {n} parts are expected")
    return value[:n]


def _member(state: Any, key: str) -> Any:
    if not isinstance(state, dict) or key not in state:
        raise InputError(f"{_shown(state)} where {key!r} is expected")
    return state[key]


def _shown(value: Any) -> str:
    """Show what a value is, not what it holds: a damaged one may hold a lot."""
    if isinstance(value, Record):
        return f"{'.'.join(value.origin)}"
    return f"a value of type {type(value).__name__}"
