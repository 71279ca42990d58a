"""Checkpoints of torch written byte by byte, so that tests can put anything into them."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {
    "protocol_version": 1001,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}


def text(value: str) -> bytes:
    """Opcodes that push a text."""
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    """Opcodes that push a whole number of any size."""
    return pickle.dumps(value, 2)[2:-1]


def name(module: str, attribute: str) -> bytes:
    """Opcodes that push what a name stands for."""
    return f"c{module}\n{attribute}\n".encode()


def numbers(values: Sequence[int]) -> bytes:
    """Opcodes that push a tuple of numbers."""
    return b"(" + b"".join(number(value) for value in values) + b"t"


def call(function: bytes, *args: bytes) -> bytes:
    """Opcodes that push the result of a call."""
    return function + b"(" + b"".join(args) + b"tR"


def storage(
    key: str = "0", n_values: int = 4, kind: tuple[str, str] = ("torch", "FloatStorage")
) -> bytes:
    """Opcodes that push a storage."""
    return b"(" + text("storage") + name(*kind) + text(key) + text("cpu") + number(n_values) + b"tQ"


def tensor(
    of: bytes | None = None,
    *,
    offset: int = 0,
    shape: Sequence[int] = (4,),
    strides: Sequence[int] = (1,),
) -> bytes:
    """Opcodes that push a tensor."""
    rebuild = name("torch._utils", "_rebuild_tensor_v2")
    hooks = call(name("collections", "OrderedDict"))
    of = storage() if of is None else of
    return call(rebuild, of, number(offset), numbers(shape), numbers(strides), b"\x89", hooks)


def state(**values: bytes) -> bytes:
    """A whole pickle: a dictionary with these opcodes as values."""
    entries = b"".join(text(key) + value for key, value in values.items())
    return b"\x80\x02}(" + entries + b"u."


def archive(
    content: bytes,
    storages: Mapping[str, bytes] | None = None,
    *,
    root: str = "archive",
    order: bytes = b"little",
    extra: Mapping[str, bytes] | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    """The bytes of an archive as torch has written it since 1.6."""
    storages = {"0": struct.pack("<4f", 1, 2, 3, 4)} if storages is None else storages
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as zipped:
        zipped.writestr(f"{root}/data.pkl", content)
        zipped.writestr(f"{root}/byteorder", order)
        for key, raw in storages.items():
            zipped.writestr(f"{root}/data/{key}", raw)
        zipped.writestr(f"{root}/version", b"3\n")
        zipped.writestr(f"{root}/.data/serialization_id", b"0" * 40)
        for member, raw in (extra or {}).items():
            zipped.writestr(member, raw)
    return stream.getvalue()


def stream(
    content: bytes,
    storages: Mapping[str, tuple[int, bytes]] | None = None,
    *,
    keys: object = None,
    magic: object = MAGIC,
    protocol: object = 1001,
    system: object = SYSTEM,
) -> bytes:
    """The bytes of a stream as torch wrote it before 1.6: (number of values, bytes) by key."""
    storages = {"0": (4, struct.pack("<4f", 1, 2, 3, 4))} if storages is None else storages
    heads = b"".join(pickle.dumps(one, 2) for one in (magic, protocol, system))
    listed = pickle.dumps(list(storages) if keys is None else keys, 2)
    raw = b"".join(struct.pack("<q", n) + one for n, one in storages.values())
    return heads + content + listed + raw


def write(path: Path, content: bytes) -> Path:
    """Write a file and return it."""
    path.write_bytes(content)
    return path
