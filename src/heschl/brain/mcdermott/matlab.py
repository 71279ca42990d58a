"""What a MATLAB file says of itself, held against what is in it, before scipy reads it.

Layout: "MAT-File Format" of MathWorks, level 5. A file is a row of elements (type, length,
content); an array is an element that holds its flags, dimensions, name, and its numbers or, of
cells and structures, further arrays. scipy makes room for the dimensions before it looks for the
numbers, and unpacks whatever is compressed; here both are bounded, and depth as well.
"""

from __future__ import annotations

import math
import struct
import zlib

#: Numbers, cells and fields of a whole file, and bytes of it unpacked: the release has 500 kB.
MOST_VALUES, MOST_BYTES = 1 << 22, 1 << 24
DEEPEST = 8

_ARRAY, _COMPRESSED = 14, 15
_CELLS, _STRUCTURE, _OBJECT, _SPARSE = 1, 2, 3, 5
_NUMBERS = range(6, 16)
_TEXT = 4
_COMPLEX = 0x800


def check_elements(content: bytes) -> None:
    """Refuse a file whose arrays are not all there, or that holds more than the release can.

    Parameters
    ----------
    content : bytes
        Of the whole file.

    Raises
    ------
    ValueError
        With what is wrong.
    """
    if len(content) < 128 or 0 in content[:4]:
        raise ValueError("not of version 5 to 7.2, or cut short")
    if content[126:128] != b"IM" or content[125] != 1:
        raise ValueError("not of version 5 to 7.2, or of a big-endian machine")
    counted = _Counted()
    place = 128
    while place < len(content):
        kind, n_bytes, begin = _tag(content, place)
        place = begin + n_bytes
        if place > len(content):
            raise ValueError("it is cut short")
        element = content[begin:place]
        if kind == _COMPRESSED:
            element = counted.unpacked(element)
            kind, _, begin = _tag(element, 0)
            element = element[begin:]
        if kind != _ARRAY:
            raise ValueError(f"an element of type {kind} where an array is expected")
        _Reader(element, counted).array(0)


class _Counted:
    """What was found so far, of all elements."""

    def __init__(self) -> None:
        self._n_values = 0
        self._n_bytes = 0

    def values(self, n: int) -> None:
        self._n_values += n
        if self._n_values > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} values")

    def unpacked(self, packed: bytes) -> bytes:
        found = zlib.decompressobj().decompress(packed, MOST_BYTES - self._n_bytes + 1)
        self._n_bytes += len(found)
        if self._n_bytes > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:,} bytes, unpacked")
        return found


class _Reader:
    """The parts of one array, one after the other, as scipy reads them."""

    def __init__(self, content: bytes, counted: _Counted) -> None:
        self._content = content
        self._place = 0
        self._counted = counted

    def array(self, depth: int) -> None:
        if depth > DEEPEST:
            raise ValueError(f"arrays in arrays, more than {DEEPEST} deep")
        flags = struct.unpack("<2I", self._part(8))[0]
        kind = flags & 0xFF
        if kind not in (_CELLS, _STRUCTURE, _OBJECT, _SPARSE, _TEXT, *_NUMBERS):
            raise ValueError(f"an array of class {kind}: a function, or an object of MATLAB")
        part = self._part(128)
        dimensions = struct.unpack(f"<{len(part) // 4}i", part)
        if min(dimensions, default=-1) < 0:
            raise ValueError(f"an array of the dimensions {dimensions}")
        self._part(1 << 10)  # its name
        n = math.prod(dimensions)
        if kind in (_CELLS, _STRUCTURE, _OBJECT):
            self._nested(kind, n, depth)
        else:
            self._numbers(kind, n, dimensions, is_complex=bool(flags & _COMPLEX))

    def _nested(self, kind: int, n: int, depth: int) -> None:
        n_fields = 1
        if kind != _CELLS:
            if kind == _OBJECT:
                self._part(1 << 10)  # the name of its class
            (longest,) = struct.unpack("<i", self._part(4))
            names = self._part(1 << 16)
            if not 0 < longest <= 1 << 10 or len(names) % longest:
                raise ValueError("a structure with damaged names")
            n_fields = len(names) // longest
        self._counted.values(n * max(n_fields, 1))
        if n * n_fields * 8 > len(self._content) - self._place:
            raise ValueError(f"{n * n_fields:,} cells or fields that are not there")
        for _ in range(n * n_fields):
            kind, n_bytes, begin = _tag(self._content, self._place)
            if kind != _ARRAY:
                raise ValueError(f"an element of type {kind} where an array is expected")
            self._place = begin
            if n_bytes:  # else an empty array, without anything
                self.array(depth + 1)

    def _numbers(self, kind: int, n: int, dimensions: tuple[int, ...], *, is_complex: bool) -> None:
        if kind == _SPARSE:
            self._part(MOST_BYTES)  # rows of the values
            n_columns = len(self._part(MOST_BYTES)) // 4 - 1
            n = len(self._part(MOST_BYTES))
            if len(dimensions) != 2 or dimensions[1] != n_columns:
                raise ValueError("a sparse array with damaged columns")
        else:
            there = len(self._part(MOST_BYTES))
            if n > there:  # of each number there is at least a byte
                raise ValueError(f"{n:,} numbers, of which there are {there:,} bytes")
        if is_complex:
            self._part(MOST_BYTES)
        self._counted.values(n)

    def _part(self, most: int) -> bytes:
        """Read an element that holds no others."""
        _, n_bytes, begin = _tag(self._content, self._place)
        if n_bytes > most:
            raise ValueError(f"an element of {n_bytes:,} bytes")
        small = begin == self._place + 4  # its content is within the tag
        end = begin + n_bytes
        if end > len(self._content):
            raise ValueError("it is cut short")
        self._place = self._place + 8 if small else end + -n_bytes % 8
        return self._content[begin:end]


def _tag(content: bytes, place: int) -> tuple[int, int, int]:
    """Return the type of an element, its length, and where its content begins."""
    kind, n_bytes = struct.unpack_from("<2I", content, place)
    if kind >> 16:  # a small element: its length is in the same number, its content follows
        if kind >> 16 > 4:
            raise ValueError("a damaged small element")
        return kind & 0xFFFF, kind >> 16, place + 4
    return kind, n_bytes, place + 8
