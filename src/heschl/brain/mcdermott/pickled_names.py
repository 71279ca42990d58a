"""What a pickled table of numbers and texts names: nothing else is let into the reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heschl.errors import InputError
from heschl.pickles.inert import FAULTS, read_inert

#: Bytes. The tables of the release have a few MB.
LARGEST_PICKLE = 100_000_000

#: What a pickled DataFrame of numbers and texts names: pandas 1 to 3, numpy 1 and 2, pyarrow.
ALLOWED = frozenset(
    {
        ("pandas", "DataFrame"),
        ("pandas", "Index"),
        ("pandas", "RangeIndex"),
        ("pandas", "StringDtype"),
        ("pandas.arrays", "ArrowStringArray"),
        ("pandas.arrays", "StringArray"),
        ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"),
        ("pandas._libs.internals", "_unpickle_block"),
        ("pandas.core.arrays.string_", "StringArray"),
        ("pandas.core.arrays.string_", "StringArrayNumpySemantics"),
        ("pandas.core.arrays.string_", "StringDtype"),
        ("pandas.core.arrays.string_arrow", "ArrowStringArray"),
        ("pandas.core.arrays.string_arrow", "ArrowStringArrayNumpySemantics"),
        ("pandas.core.frame", "DataFrame"),
        ("pandas.core.indexes.base", "Index"),
        ("pandas.core.indexes.base", "_new_Index"),
        ("pandas.core.indexes.numeric", "Float64Index"),
        ("pandas.core.indexes.numeric", "Int64Index"),
        ("pandas.core.indexes.numeric", "UInt64Index"),
        ("pandas.core.indexes.range", "RangeIndex"),
        ("pandas.core.internals.managers", "BlockManager"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("pyarrow.lib", "_restore_array"),
        ("pyarrow.lib", "py_buffer"),
        ("pyarrow.lib", "type_for_alias"),
        # how protocols 2 to 4 write slices, bytes and byte arrays
        ("builtins", "bytearray"),
        ("builtins", "bytes"),
        ("builtins", "slice"),
        ("__builtin__", "bytearray"),
        ("__builtin__", "bytes"),
        ("__builtin__", "slice"),
        ("_codecs", "encode"),
    }
)


def read_records(path: Path) -> Any:
    """Read a pickle (protocols 2 to 5) into inert records.

    Parameters
    ----------
    path : Path

    Returns
    -------
    object
        Numbers, texts, bytes, lists, tuples, dictionaries, records and classes of records.

    Raises
    ------
    InputError
        If it names something that is not in `ALLOWED` (it is shown), is damaged, cut short or too
        large, or cannot be read.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST_PICKLE else b""
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if size > LARGEST_PICKLE:
        raise InputError(f"{path}: has {size} bytes; expected a pickle of at most {LARGEST_PICKLE}")
    try:
        return read_inert(content, allowed=ALLOWED)
    except InputError as error:
        raise InputError(
            f"{path}: {error}; it is not the published table, and nothing of it was run. Bring the "
            "release again"
        ) from error
    except FAULTS as error:
        raise InputError(
            f"{path}: no whole pickle ({type(error).__name__}: {error}); bring the release again"
        ) from error
