"""Tensors of a checkpoint as torch's pickles describe them: a view of a piece of the file.

What the calls in a pickle mean: the signatures in torch's ``torch/_utils.py`` (``_rebuild_*``) and
the types of storages in ``torch/storage.py``. Every number is checked against the storage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from heschl.errors import InputError
from heschl.pickles.records import Maker, shown

#: Types of numbers: what torch calls them, and the bytes that one takes.
ITEM_SIZES = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "int64": 8,
    "uint64": 8,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
}

#: Types of storages, by what torch calls them, and the type of their numbers.
STORAGES = {
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
}

_MOST_AXES = 64

#: How many numbers a view may have that repeats those of a smaller storage (as torch's ``expand``
#: makes it): it takes no memory by itself, but a copy of it would.
_LARGEST_REPEAT = 1 << 24


@dataclass(eq=False)
class Storage:
    """A piece of a file.

    Attributes
    ----------
    key : str
        What the checkpoint calls it.
    n_bytes : int
    dtype : str
        Of the numbers that the pickle says it has.
    offset : int
        In bytes, from the beginning of the file; -1 as long as it is not known.
    crc32 : int
        0 where there is none.
    """

    key: str
    n_bytes: int
    dtype: str
    offset: int = -1
    crc32: int = 0


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor that is still in its file.

    Attributes
    ----------
    storage : Storage
    dtype : str
        As torch calls it, ``"float32"``.
    shape : tuple of int
    strides : tuple of int
        In numbers, not bytes.
    offset : int
        Of the first number, in numbers from the beginning of the storage.
    """

    storage: Storage
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    @property
    def n_values(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def n_bytes(self) -> int:
        """How many bytes its numbers take."""
        return self.n_values * ITEM_SIZES[self.dtype]

    @property
    def place(self) -> tuple[Any, ...]:
        """What is equal for two names of one tensor."""
        return (id(self.storage), self.dtype, self.shape, self.strides, self.offset)

    @property
    def contiguous(self) -> bool:
        """Whether its numbers follow each other in the order of its axes."""
        expected = 1
        for n, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if n != 1 and stride != expected:
                return self.n_values == 0
            expected *= n
        return True


@dataclass(frozen=True, eq=False)
class TypedStorage:
    """A storage, or a part of one, as a pickle hands it to a tensor.

    Attributes
    ----------
    storage : Storage
    dtype : str
    start, length : int
        Which of its numbers; older files can have parts of a storage.
    """

    storage: Storage
    dtype: str
    start: int = 0
    length: int = field(default=0)


def view(storage: Any, dtype: str | None, offset: Any, shape: Any, strides: Any) -> StoredTensor:
    """Return a tensor over a storage.

    Raises
    ------
    InputError
        If it would reach outside of the storage, or repeat its numbers more often than there are.
    """
    if not isinstance(storage, TypedStorage):
        raise InputError("has a tensor without a storage")
    dtype = dtype or storage.dtype
    n_there = storage.length * ITEM_SIZES[storage.dtype] // ITEM_SIZES[dtype]
    shape, strides = _numbers(shape, "shape"), _numbers(strides, "stride")
    (offset,) = _numbers((offset,), "offset")
    if len(shape) != len(strides):
        raise InputError(f"has a tensor of shape {shape} with {len(strides)} strides")
    n_values = math.prod(shape)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if n_values and last >= n_there:
        raise InputError(
            f"has a tensor of shape {shape}, strides {strides}, from number {offset} on, in a "
            f"storage of {n_there} numbers"
        )
    if n_values > max(n_there, _LARGEST_REPEAT) or math.prod(max(n, 1) for n in shape) >= 1 << 48:
        raise InputError(f"has a tensor of shape {shape} over a storage of {n_there} numbers")
    start = storage.start * ITEM_SIZES[storage.dtype] // ITEM_SIZES[dtype]
    return StoredTensor(storage.storage, dtype, shape, strides, start + offset)


def rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> StoredTensor:
    """Carry out ``_rebuild_tensor`` and ``_rebuild_tensor_v2``; the rest is about gradients."""
    return view(storage, None, offset, shape, strides)


def rebuild_tensor_v3(
    storage: Any, offset: Any, shape: Any, strides: Any, _: Any, __: Any, dtype: Any, *___: Any
) -> StoredTensor:
    """Carry out ``_rebuild_tensor_v3``, for types of numbers that have no storage of their own."""
    origin = getattr(dtype, "origin", ("", ""))
    if origin[0] != "torch" or origin[1] not in ITEM_SIZES:
        raise InputError(f"has a tensor of the type {shown('.'.join(origin))}")
    return view(storage, origin[1], offset, shape, strides)


def rebuild_parameter(tensor: Any, *_: Any) -> Any:
    """Carry out ``_rebuild_parameter``: a parameter is a tensor."""
    if not isinstance(tensor, StoredTensor):
        raise InputError("has a parameter without a tensor")
    return tensor


def rebuild_from_type(rebuild: Any, _: Any, args: Any, *__: Any) -> Any:
    """Carry out ``_rebuild_from_type_v2``: a tensor with attributes, which are left out."""
    if not isinstance(rebuild, Maker) or not isinstance(args, tuple) or len(args) > _MOST_AXES:
        raise InputError("has a tensor of an unknown kind")
    return rebuild_parameter(rebuild.make(*args))


MAKERS: Mapping[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v3"): rebuild_tensor_v3,
    ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): rebuild_parameter,
    ("torch._tensor", "_rebuild_from_type_v2"): rebuild_from_type,
}


def _numbers(values: Any, what: str) -> tuple[int, ...]:
    if not isinstance(values, tuple) or len(values) > _MOST_AXES:
        raise InputError(f"has a tensor whose {what} is no tuple of at most {_MOST_AXES} numbers")
    if not all(type(value) is int and 0 <= value < 1 << 62 for value in values):
        raise InputError(f"has a tensor whose {what} is something else than counts")
    return values
