"""Checkpoints of torch: what is in them, and where their tensors lie in the file.

Formats: torch's ``torch/serialization.py`` and its notes on serialization. Since torch 1.6 a zip
archive: ``NAME/data.pkl`` beside ``NAME/data/KEY``, one for each storage. Before that a stream of
pickles (a magic number, the protocol, the system, the content, the keys of the storages), followed
by the storages, each after its number of values.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import IO, Any

from heschl.errors import InputError
from heschl.pickles.bounded import BoundedStream
from heschl.pickles.inert import FAULTS, read_inert
from heschl.pickles.plain_makers import PlainMakers
from heschl.pickles.records import ForeignNameError, shown
from heschl.pickles.storages import Storages
from heschl.pickles.stored_zip import Member, read_members
from heschl.pickles.tensors import ITEM_SIZES, MAKERS, STORAGES

#: Bytes of the pickles. Tensors are not in them, so that a few MB are much.
LARGEST_PICKLE = 100_000_000

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001

#: Names that stand for types of numbers, storages and tensors; they are not called.
_TYPES = frozenset(
    {("torch", dtype) for dtype in ITEM_SIZES}
    | {(module, kind) for kind in STORAGES for module in ("torch", "torch.cuda", "torch.storage")}
    | {("torch", "Tensor"), ("torch.nn.parameter", "Parameter"), ("torch.nn.parameter", "Buffer")}
    | {("numpy", "dtype")}
)


def is_torch_file(head: bytes) -> bool:
    """Whether a file that begins so may be a checkpoint of torch (8 bytes are enough)."""
    return head[:4] == b"PK\x03\x04" or (head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5")


def read_torch_file(path: Path, *, any_name: bool = False) -> Any:
    """Read what a checkpoint of torch holds, without running anything of it.

    Parameters
    ----------
    path : Path
    any_name : bool, optional
        Whether the names of other things than tensors and plain values become records; by default
        they are refused.

    Returns
    -------
    object
        Dictionaries, lists, plain values, records, and `StoredTensor` for tensors. No tensor has
        been read: memory is that of the small rest.

    Raises
    ------
    ForeignNameError
        If a name is not allowed.
    InputError
        If it is missing, cut short, damaged, compressed or too large, or no checkpoint of torch.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(4)
            stream.seek(0)
            read = _read_archive if head == b"PK\x03\x04" else _read_stream
            return read(stream, None if any_name else _TYPES)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})") from error
    except FAULTS as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"is cut short or damaged ({type(error).__name__})") from error


def _read_archive(stream: IO[bytes], allowed: frozenset[tuple[str, str]] | None) -> Any:
    members = read_members(stream)
    root = _root(members)
    content = members[f"{root}data.pkl"]
    if f"{root}constants.pkl" in members:
        raise InputError("is a TorchScript archive, which holds code; expected a plain checkpoint")
    order = members.get(f"{root}byteorder")
    if order is not None and _bytes(stream, order) != b"little":
        raise InputError("was written on a big-endian machine; expected little-endian numbers")
    folder = f"{root}data/"
    inside = [name for name in members if name.startswith(folder)]
    storages = Storages({name.removeprefix(folder): members[name] for name in inside})
    return _read(_bytes(stream, content), storages, allowed)


def _root(members: dict[str, Member]) -> str:
    """Return the folder of an archive in which everything lies."""
    outside = [name for name in members if ".." in name.split("/") or name.startswith("/")]
    if outside:
        raise InputError(f"has a member {shown(outside[0])!r}, which leads outside of it")
    roots = [name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")]
    roots = [root for root in roots if root.count("/") == 1]
    if len(roots) != 1:
        raise InputError(
            f"is an archive with {len(roots)} members data.pkl; expected one (unpack an archive "
            "that has the checkpoint in it)"
        )
    return roots[0]


def _bytes(stream: IO[bytes], member: Member) -> bytes:
    if member.size > LARGEST_PICKLE:
        raise InputError(f"has a pickle of {member.size} bytes; expected at most {LARGEST_PICKLE}")
    stream.seek(member.offset)
    content = stream.read(member.size)
    if member.crc32 and zlib.crc32(content) != member.crc32:
        raise InputError(f"is damaged: the checksum of {shown(member.name)!r} is another one")
    return content


def _read_stream(stream: IO[bytes], allowed: frozenset[tuple[str, str]] | None) -> Any:
    bounded = BoundedStream(stream, LARGEST_PICKLE)
    storages = Storages()
    if _read(bounded, storages, allowed) != _MAGIC:
        raise InputError("is a pickle, but no checkpoint of torch")
    if _read(bounded, storages, allowed) != _PROTOCOL:
        raise InputError("is a checkpoint of torch with an unknown protocol")
    system = _read(bounded, storages, allowed)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise InputError("was written on a big-endian machine; expected little-endian numbers")
    content = _read(bounded, storages, allowed)
    storages.locate(stream, _read(bounded, Storages(), allowed))
    return content


def _read(
    content: bytes | BoundedStream,
    storages: Storages,
    allowed: frozenset[tuple[str, str]] | None,
) -> Any:
    makers = {**PlainMakers().makers, **MAKERS}
    return read_inert(content, allowed=allowed, makers=makers, persistent=storages.find)


__all__ = ["ForeignNameError", "is_torch_file", "read_torch_file"]
