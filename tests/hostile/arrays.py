"""Hostile arrays of numpy and files of MATLAB."""

from __future__ import annotations

import io
import pickle
import struct
import zlib

import numpy as np

from heschl.errors import InputError
from hostile.case import HostileFile, armed, raw


def npy(header, content=b"", version=(1, 0)):
    """The bytes of a file of one array, with any header."""
    text = header if isinstance(header, bytes) else header.encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + size + text + content


def described(descr="'<f8'", shape="(4,)", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}"


class Calls:
    """Pickles as a call of the shell."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.canary}",)


def objects(canary):
    """An array of objects, as numpy saves it: a pickle that runs."""
    content = pickle.dumps(np.array([Calls(canary)], object), protocol=2)
    return npy(described("'|O'", "(1,)"), content)


def python2(canary):
    """As Python 2 wrote arrays of objects: text opcodes, names of its modules."""
    content = f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode()
    return npy("{'descr': '|O', 'fortran_order': False, 'shape': (1L,), }", content)


def archived(canary):
    """An archive of numpy under the name of an array."""
    stream = io.BytesIO()
    np.savez(stream, a=np.array([Calls(canary)], object))
    return stream.getvalue()


_HUGE = described(shape="(1000000, 1000000)")
_ARRAYS = {
    "an array of 8 TB": ("memory for its shape", npy(_HUGE), "not a readable array"),
    "an array of 2**64 numbers": (
        "a product that is 0 in 64 bits",
        npy(described(shape="(4294967296, 4294967296)"), bytes(64)),
        "not a readable array",
    ),
    "an array by columns, cut short": (
        "numbers of whatever lies behind",
        npy(described(shape="(1000, 1000)", order="True"), bytes(64)),
        "not a readable array",
    ),
    "a header of 4 GB": (
        "memory for the header",
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 0xFFFFFFF0) + b"{",
        "not a readable array",
    ),
    "a header that is a program": (
        "a call where literals are expected",
        npy(described("__import__('os').system('x')")),
        "not a readable array",
    ),
    "a header of great depth": (
        "the parser's stack",
        npy(described(shape="(" * 4000 + ")" * 4000)),
        "not a readable array",
    ),
    "a header of 9,000 signs": (
        "the evaluator's stack",
        npy(described(shape="(" + "-" * 9000 + "1,)")),
        "not a readable array",
    ),
    "a type of 2 GB": (
        "one number of 2 GB",
        npy(described("'V2147483647'", "()"), bytes(64)),
        "not a readable array",
    ),
}

#: Their bytes, in the same order.
CONTENTS = tuple(content for _, content, _ in _ARRAYS.values())

#: As `brain.mcdermott.reading` says of them; those of a dataset are in `hostile.tables`.
NPY = (
    *(
        HostileFile(name, tries, "array", raw("a.npy", content), InputError, words)
        for name, (tries, content, words) in _ARRAYS.items()
    ),
    HostileFile(
        "an array of objects",
        "a pickle that calls the shell",
        "array",
        armed("a.npy", objects),
        InputError,
        "not a readable array",
    ),
    HostileFile(
        "an array of Python 2",
        "a pickle that calls the shell, by its old name",
        "array",
        armed("a.npy", python2),
        InputError,
        "not a readable array",
    ),
    HostileFile(
        "an archive of arrays",
        "a pickle in a member",
        "array",
        armed("a.npy", archived),
        InputError,
        "several arrays",
    ),
)


# MATLAB


def element(kind, content, n_bytes=None):
    """A data element of version 5: its type, its length, and what is in it."""
    size = len(content) if n_bytes is None else n_bytes
    return struct.pack("<2I", kind, size) + content + bytes(-len(content) % 8)


def matrix(flags=6, dims=(2, 2), name=b"R", content=b"", dim_bytes=None):
    """An array of a class (6: double, 1: cells, 2: structures, 5: sparse)."""
    dimensions = struct.pack(f"<{len(dims)}i", *dims)
    parts = element(6, struct.pack("<2I", flags, 0)) + element(5, dimensions, dim_bytes)
    return element(14, parts + element(1, name) + content)


def mat(*elements, version=0x0100):
    return (
        b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H2s", version, b"IM") + b"".join(elements)
    )


def packed(content, n_zeros=0):
    """A compressed element; with so many zeros after what it holds."""
    press = zlib.compressobj(9)
    parts = [press.compress(content)]
    parts += [press.compress(bytes(1 << 20)) for _ in range(n_zeros >> 20)]
    return element(15, b"".join(parts) + press.flush())


def _bomb():
    """128 MB of zeros as 8-byte numbers, in a thousandth of it."""
    n_bytes = 1 << 27
    head = matrix(dims=(n_bytes // 8, 1))
    whole = struct.pack("<2I", 14, len(head) - 8 + 8 + n_bytes) + head[8:]
    return mat(packed(whole + struct.pack("<2I", 9, n_bytes), n_bytes))


def _version4(rows, columns, content=bytes(32)):
    return struct.pack("<5i", 0, rows, columns, 0, 2) + b"R\0" + content


def _function_handle(canary):
    """A function handle, whose workspace names a file."""
    text = f"@()system('touch {canary}')".encode()
    body = element(6, struct.pack("<2I", 16, 0)) + element(5, struct.pack("<2i", 1, 1))
    return mat(
        element(14, body + element(1, b"f") + matrix(4, (1, len(text)), b"", element(1, text)))
    )


def _object(canary):
    """An object of the class FileWrapper__, which scipy keeps as raw bytes."""
    head = element(6, struct.pack("<2I", 17, 0)) + element(1, b"x") + element(1, b"MCOS")
    return mat(element(14, head + element(1, b"FileWrapper__") + matrix(9, (1, 1 << 30), b"")))


def _nested(depth=100_000):
    """Cells that hold one cell each; every header has the length of all that follows."""
    inner = matrix(6, (1, 1), b"", element(9, bytes(8)))
    head = matrix(1, (1, 1), b"")
    n_bytes = [len(inner) + i * len(head) for i in range(depth)]
    heads = (struct.pack("<2I", 14, n + len(head) - 8) + head[8:] for n in reversed(n_bytes))
    return mat(b"".join(heads) + inner)


_DOUBLES = element(9, struct.pack("<4d", 1, 2, 3, 4))
_MATLAB = {
    "cells by the billion": ("memory for a billion cells", mat(matrix(1, (1 << 15, 1 << 15)))),
    "structures by the billion": (
        "memory for a billion structures",
        mat(
            matrix(2, (1 << 15, 1 << 15), b"S", element(5, struct.pack("<i", 8)) + element(1, b"a"))
        ),
    ),
    "an array of 32 GB": (
        "memory for its dimensions",
        mat(matrix(6, (1 << 16, 1 << 16), content=_DOUBLES)),
    ),
    "an element of 4 GB": (
        "memory for its length",
        mat(matrix(6, (2, 2), content=element(9, bytes(32), 0xFFFFFFF8))),
    ),
    "an array with negative dimensions": (
        "a negative length",
        mat(matrix(6, (-2, -2), content=_DOUBLES)),
    ),
    "a compressed bomb": ("128 MB out of 128 kB", _bomb()),
    "cells in cells in cells": ("the stack", _nested()),
    "a sparse array of 10**18": (
        "a dense one",
        mat(
            matrix(
                5,
                (1 << 30, 1 << 30),
                content=element(5, bytes(4)) + element(5, bytes(4)) + element(9, bytes(8)),
            )
        ),
    ),
    "a file of version 4 of 8 TB": ("memory for its header", _version4(1 << 20, 1 << 20)),
    "a file of version 7.3": (
        "the reader of HDF5 and what it follows",
        b"MATLAB 7.3 MAT-file".ljust(124) + struct.pack("<H2s", 0x0200, b"IM"),
    ),
    "an object of MATLAB": ("a gigabyte for a class", _object(None)),
}

MATLAB = (
    *(
        HostileFile(name, tries, "MATLAB file", raw("a.mat", content), InputError, "MATLAB file")
        for name, (tries, content) in _MATLAB.items()
    ),
    HostileFile(
        "a function handle",
        "a call of MATLAB's shell",
        "MATLAB file",
        armed("a.mat", _function_handle),
        InputError,
        "a function",
    ),
)

FILES = (*NPY, *MATLAB)
