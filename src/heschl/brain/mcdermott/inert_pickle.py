"""Foreign pickles are read into inert records: nothing that a pickle names is ever called.

A pickle is a program that names functions and calls them. Here every name on a short list stands
for a record of what it was called with; every other name is refused. So reading gives numbers,
texts, lists, tuples, dictionaries and records, whatever the pickle says, and the meaning of the
records is worked out afterwards, from data (`decoding`). Neither numpy nor pandas nor pyarrow see
the pickle, which is also why it does not matter with which version of them it was written.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

from heschl.errors import InputError

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

#: Opcodes that make objects in other ways than the names above, or need something from outside.
_REFUSED = frozenset(
    {"EXT1", "EXT2", "EXT4", "INST", "OBJ", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"}
)

_FAULTS = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


class Record:
    """What a name of a pickle was called with, and the state that was given to the result.

    Attributes
    ----------
    origin : tuple of two str
        Module and name; one subclass for each.
    args : tuple
    state : object
    """

    origin: tuple[str, str] = ("", "")
    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> Record:  # noqa: D102
        record = super().__new__(cls)
        record.args = args
        record.state = None
        return record

    def __init__(self, *args: Any) -> None:
        """Do nothing: a name may be called, or be made by ``__new__`` alone."""

    def __setstate__(self, state: Any) -> None:
        self.state = state

    @property
    def name(self) -> str:
        """The last part of its origin."""
        return self.origin[1]


_RECORDS: dict[tuple[str, str], type[Record]] = {
    origin: type(f"{origin[1]}Record", (Record,), {"origin": origin}) for origin in ALLOWED
}


class _InertUnpickler(pickle.Unpickler):
    """Finds nothing but records."""

    def find_class(self, module_name: str, global_name: str, /) -> type[Record]:
        try:
            return _RECORDS[module_name, global_name]
        except KeyError:
            raise InputError(
                f"names {module_name}.{global_name}, which no table of numbers and texts needs"
            ) from None


def read_records(path: Path) -> Any:
    """Read a pickle (protocols 2 to 5) into inert records.

    Parameters
    ----------
    path : Path

    Returns
    -------
    object
        Numbers, texts, bytes, lists, tuples, dictionaries, `Record` and subclasses of it.

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
        _check_opcodes(content)
        return _InertUnpickler(io.BytesIO(content)).load()
    except InputError as error:
        raise InputError(
            f"{path}: {error}; it is not the published table, and nothing of it was run. Bring the "
            "release again"
        ) from error
    except _FAULTS as error:
        raise InputError(
            f"{path}: no whole pickle ({type(error).__name__}: {error}); bring the release again"
        ) from error


def _check_opcodes(content: bytes) -> None:
    """Refuse what no writer of tables writes, before anything is made of it."""
    n_kept = 0
    end = 0
    for opcode, argument, position in pickletools.genops(content):
        if opcode.name in _REFUSED or (opcode.name == "PROTO" and int(argument or 0) < 2):
            raise InputError(f"uses the opcode {opcode.name}, which no table needs")
        if opcode.name in ("BINPUT", "LONG_BINPUT", "PUT"):
            # writers count up; one large number would make the reader ask for gigabytes
            if int(argument or 0) > n_kept:
                raise InputError(f"keeps object {argument} after {n_kept} others")
            n_kept += 1
        elif opcode.name == "MEMOIZE":
            n_kept += 1
        end = (position or 0) + 1
    if end != len(content):
        raise InputError(f"goes on for {len(content) - end} bytes after its end")
