"""What the persistent identifiers of a checkpoint stand for: pieces of its file."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import IO, Any

from heschl.errors import InputError
from heschl.pickles.records import is_record_class, shown
from heschl.pickles.stored_zip import Member
from heschl.pickles.tensors import ITEM_SIZES, STORAGES, Storage, TypedStorage

_MODULES = ("torch", "torch.cuda", "torch.storage")
_MOST_VALUES = 1 << 48


class Storages:
    """The storages of one checkpoint, by their keys.

    Parameters
    ----------
    members : mapping of str to Member, optional
        The storages of an archive, by their keys. None for a stream, in which they come after the
        pickle: then `locate` says where.
    """

    def __init__(self, members: Mapping[str, Member] | None = None) -> None:
        self._members = members
        self._storages: dict[str, Storage] = {}

    def find(self, identifier: Any) -> Any:
        """Return what an identifier stands for.

        ``("storage", type, key, device, n_values)``, in streams with a part of it as sixth; or
        ``("module", class, ...)`` with its source text, of which the class is kept.

        Raises
        ------
        InputError
            If it is something else, or there is no storage of that key and size.
        """
        if not isinstance(identifier, tuple) or len(identifier) not in (4, 5, 6):
            raise InputError("has an identifier of an unknown kind")
        if identifier[0] == "module":
            return identifier[1]
        if identifier[0] != "storage" or len(identifier) < 5:
            raise InputError("has an identifier of an unknown kind")
        _, kind, key, _, n_values, *part = identifier
        dtype = _dtype(kind)
        if not isinstance(key, str) or not _is_count(n_values):
            raise InputError("has a storage without a key or a size")
        storage = self._storage(key, dtype, n_values * ITEM_SIZES[dtype])
        start, length = _part(part[0] if part else None, n_values)
        return TypedStorage(storage, dtype, start, length)

    def _storage(self, key: str, dtype: str, n_bytes: int) -> Storage:
        if key not in self._storages:
            self._storages[key] = self._new(key, dtype, n_bytes)
        storage = self._storages[key]
        if storage.n_bytes != n_bytes:
            raise InputError(
                f"has a storage {shown(key)!r} of {n_bytes} bytes and of {storage.n_bytes}"
            )
        return storage

    def _new(self, key: str, dtype: str, n_bytes: int) -> Storage:
        if self._members is None:
            return Storage(key, n_bytes, dtype)
        member = self._members.get(key)
        if member is None:
            raise InputError(f"has no storage {shown(key)!r}, which its content refers to")
        if member.size != n_bytes:
            raise InputError(
                f"has {member.size} bytes in the storage {shown(key)!r}; its content says {n_bytes}"
            )
        return Storage(key, n_bytes, dtype, member.offset, member.crc32)

    def locate(self, stream: IO[bytes], keys: Any) -> None:
        """Note where storages lie in a stream that stands at the first of them.

        Raises
        ------
        InputError
            If one is missing, has another size than the content says, or is cut short.
        """
        end = stream.tell()
        length = stream.seek(0, 2)
        for key in keys if isinstance(keys, list) else [None]:
            storage = self._storages.get(key) if isinstance(key, str) else None
            if storage is None or storage.offset >= 0:
                raise InputError("has a storage that its content does not refer to, or one twice")
            stream.seek(end)
            (n_values,) = struct.unpack("<q", stream.read(8))
            storage.offset = end + 8
            if n_values * ITEM_SIZES[storage.dtype] != storage.n_bytes:
                raise InputError(f"has {n_values} values in a storage of {storage.n_bytes} bytes")
            end = storage.offset + storage.n_bytes
            if end > length:
                raise InputError(f"ends within the storage {shown(storage.key)!r}")
        if any(storage.offset < 0 for storage in self._storages.values()):
            raise InputError("has a storage without its values")


def _dtype(kind: Any) -> str:
    origin = kind.origin if is_record_class(kind) else ("", "")
    if origin[0] not in _MODULES or origin[1] not in STORAGES:
        raise InputError("has a storage of an unknown type")
    return STORAGES[origin[1]]


def _part(part: Any, n_values: int) -> tuple[int, int]:
    """Return which numbers of a storage are meant: ``(key, first, n)``, or all."""
    if part is None:
        return 0, n_values
    if not isinstance(part, tuple) or len(part) != 3 or not all(map(_is_count, part[1:])):
        raise InputError("has a part of a storage of an unknown kind")
    start, length = part[1:]
    if start + length > n_values:
        raise InputError(
            f"has a part of {length} values from {start} on, in a storage of {n_values}"
        )
    return start, length


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST_VALUES
