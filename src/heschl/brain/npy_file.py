"""Arrays that numpy wrote, from others: what a header promises has to be in the file."""

from __future__ import annotations

import math
import struct
import tokenize
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from heschl.errors import InputError, quoted

#: Bytes of a header; that of a table of ten columns has 300. Larger or deeper ones are programs
#: for numpy's parser of Python literals.
LARGEST_HEADER, DEEPEST = 4_000, 10

_ARCHIVE = b"PK"
_DAMAGE = (
    *(ArithmeticError, EOFError, LookupError, MemoryError, OSError, RecursionError),
    *(struct.error, SyntaxError, tokenize.TokenError, TypeError, ValueError),
)


def read_npy(path: Path, *, lazily: bool = False, advice: str) -> NDArray[Any]:
    """Read an array that was written by numpy; never one of objects, which would be a pickle.

    Parameters
    ----------
    path : Path
    lazily : bool, optional
        True maps the file into memory, read-only: nothing is read before it is needed.
    advice : str
        What to do about a file that is none, for the message.

    Returns
    -------
    ndarray
        As large as the file says, which has as many bytes.

    Raises
    ------
    InputError
        If it is damaged, cut short, no such file, or holds objects or several arrays.
    """
    try:
        _check(path)
        return np.load(path, mmap_mode="r" if lazily else None, allow_pickle=False)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{path}: not a readable array ({quoted(error)}); {advice}") from error


def _check(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(2) == _ARCHIVE:
            raise InputError(f"{path}: holds several arrays; expected one, written with numpy.save")
        file.seek(0)
        shape, dtype = _header(file)
        if dtype.hasobject:
            raise ValueError("it holds objects of Python, which would have to be run")
        there = path.stat().st_size - file.tell()
    promised = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or there < promised:
        raise ValueError(f"its header promises {promised:,} bytes, {there:,} are there")


def _header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type; the file then stands where the numbers begin."""
    version = npy.read_magic(file)
    width, read = (
        ("<H", npy.read_array_header_1_0) if version[0] == 1 else ("<I", npy.read_array_header_2_0)
    )
    start = file.tell()
    (n_bytes,) = struct.unpack(width, file.read(struct.calcsize(width)))
    if n_bytes > LARGEST_HEADER:
        raise ValueError(f"a header of {n_bytes:,} bytes, more than {LARGEST_HEADER:,}")
    text = file.read(n_bytes)
    _check_literal(text)
    file.seek(start)
    with warnings.catch_warnings():
        # Python 2 wrote 4L for 4; what is read is the same
        warnings.filterwarnings("ignore", "Reading `.npy` or `.npz` file required", UserWarning)
        shape, _, dtype = read(file)
    return shape, dtype


def _check_literal(text: bytes) -> None:
    """Refuse what no header has, before it is parsed: depth, and signs before numbers."""
    depth = deepest = 0
    for character in text:
        depth += (character in b"([{") - (character in b")]}")
        deepest = max(deepest, depth)
    if deepest > DEEPEST or b"--" in text or b"- -" in text or b"++" in text:
        raise ValueError("a header that numpy does not write")
