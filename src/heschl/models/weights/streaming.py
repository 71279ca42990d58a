"""Writing safetensors from tensors that are still in another file, one after the other.

Layout: https://huggingface.co/docs/safetensors, "Format": the length of a header in eight bytes,
the header in JSON (types, shapes, places), then the numbers without gaps.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.pickles.records import shown
from heschl.pickles.tensors import ITEM_SIZES, Storage, StoredTensor

#: What safetensors calls the types of numbers.
CODES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "int16": "I16",
    "uint16": "U16",
    "int32": "I32",
    "uint32": "U32",
    "int64": "I64",
    "uint64": "U64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
    "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
}

#: Bytes of a header that readers accept.
LARGEST_HEADER = 100_000_000

_CHUNK = 1 << 24


def header(tensors: Mapping[str, StoredTensor], metadata: Mapping[str, str]) -> bytes:
    """Return the beginning of a safetensors file: tensors in the order of `ordered`.

    Raises
    ------
    InputError
        If safetensors has no such type of numbers or no such name, or the header is larger than
        readers accept.
    """
    described: dict[str, object] = {"__metadata__": dict(metadata)}
    place = 0
    for name in ordered(tensors):
        tensor = tensors[name]
        if tensor.dtype not in CODES:
            raise InputError(f"tensor {shown(name)} has numbers of type {tensor.dtype}")
        if any("\ud800" <= one <= "\udfff" for one in name):  # which UTF-8 has not
            raise InputError(f"tensor {shown(name)} has half of a character in its name")
        described[name] = {
            "dtype": CODES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [place, place + tensor.n_bytes],
        }
        place += tensor.n_bytes
    text = json.dumps(described, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    if len(text) > LARGEST_HEADER:
        raise InputError(f"a header of {len(text)} bytes; expected at most {LARGEST_HEADER}")
    return struct.pack("<Q", len(text)) + text


def ordered(tensors: Mapping[str, StoredTensor]) -> list[str]:
    """Return the names, large numbers first, so that every tensor is aligned."""
    return sorted(tensors, key=lambda name: (-ITEM_SIZES[tensors[name].dtype], name))


def write(source: Path, tensors: Mapping[str, StoredTensor], head: bytes, to: Path) -> None:
    """Write a safetensors file from the tensors of a checkpoint, which is mapped and not read.

    Parameters
    ----------
    source : Path
        Of the checkpoint.
    tensors : mapping of str to StoredTensor
    head : bytes
        The result of `header`.
    to : Path
    """
    with source.open("rb") as original, to.open("wb") as stream:
        stream.write(head)
        if not any(tensor.n_bytes for tensor in tensors.values()):
            return
        with mmap.mmap(original.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            for name in ordered(tensors):
                _write_tensor(stream, mapped, tensors[name])


def check_storages(source: Path, storages: Iterable[Storage]) -> None:
    """Compare storages with their checksums.

    Raises
    ------
    InputError
        If one is damaged.
    """
    with source.open("rb") as stream:
        for storage in storages:
            if storage.crc32 and _crc32(stream, storage) != storage.crc32:
                raise InputError(f"the checksum of storage {storage.key} is another one")


def _crc32(stream: IO[bytes], storage: Storage) -> int:
    stream.seek(storage.offset)
    found, left = 0, storage.n_bytes
    while left and (chunk := stream.read(min(left, _CHUNK))):
        found = zlib.crc32(chunk, found)
        left -= len(chunk)
    return found


def _write_tensor(stream: IO[bytes], mapped: mmap.mmap, tensor: StoredTensor) -> None:
    """Write the numbers of a tensor; one that is not contiguous is copied in pieces."""
    if not tensor.n_bytes:
        return
    item = ITEM_SIZES[tensor.dtype]
    values: NDArray[np.void] = np.ndarray(
        tensor.shape,
        np.dtype(f"V{item}"),
        buffer=mapped,
        offset=tensor.storage.offset + tensor.offset * item,
        strides=tuple(stride * item for stride in tensor.strides),
    )
    if tensor.contiguous:
        stream.write(values.reshape(-1).data)
        return
    rows = values.reshape(1) if values.ndim == 0 else values
    n_at_once = max(1, _CHUNK // max(1, item * math.prod(rows.shape[1:])))
    for first in range(0, len(rows), n_at_once):
        stream.write(np.ascontiguousarray(rows[first : first + n_at_once]).data)
