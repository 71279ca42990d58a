"""Archives, streams and safetensors files that mean harm, written byte by byte."""

from __future__ import annotations

import io
import json
import os
import struct
import warnings
import zipfile

from checkpoint_files import archive, state, tensor

# archives


def patched(raw, place, values):
    """Bytes changed at a place."""
    return raw[:place] + values + raw[place + len(values) :]


def _entry(raw, member):
    """Place of a member's entry in the directory."""
    place = raw.index(b"PK\x01\x02")
    while raw[place + 46 :][: len(member)] != member:
        place = raw.index(b"PK\x01\x02", place + 1)
    return place


def _local(raw, member):
    """Place of a member's own header."""
    return raw.index(b"PK\x03\x04", max(raw.index(member) - 30, 0))


CONTENT = state(w=tensor())
GOOD = archive(CONTENT)
DATA, PICKLE = b"archive/data/0", b"archive/data.pkl"
END = GOOD.rindex(b"PK\x05\x06")
ENTRY, HEADER = _entry(GOOD, DATA), _local(GOOD, DATA)


def zip64(size, offset):
    """The good archive with 64-bit numbers for its storage."""
    field = struct.pack("<2H3Q", 1, 24, size, size, offset)
    raw = patched(GOOD, ENTRY + 20, b"\xff" * 8)
    raw = patched(raw, ENTRY + 42, b"\xff" * 4)
    raw = patched(raw, ENTRY + 30, struct.pack("<H", len(field)))
    (n_bytes,) = struct.unpack_from("<L", raw, END + 12)
    raw = patched(raw, END + 12, struct.pack("<L", n_bytes + len(field)))
    after = ENTRY + 46 + len(DATA)
    return raw[:after] + field + raw[after:]


def _members_twice():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are two
        for _ in range(2):
            zipped.writestr("archive/data.pkl", CONTENT)
    return stream.getvalue()


def _with(member, raw=b"x"):
    return archive(CONTENT, extra={member: raw})


def _packed(method):
    return archive(CONTENT + bytes(5_000_000), compression=method)


_END64 = b"PK\x06\x07" + struct.pack("<LQL", 0, 1 << 62, 1)
_ZEROS = {"0": bytes(50_000_000)}

ARCHIVES = {
    "a bomb": (archive(CONTENT, _ZEROS, compression=zipfile.ZIP_DEFLATED), "is compressed"),
    "a bomb in the pickle": (_packed(zipfile.ZIP_DEFLATED), "is compressed"),
    "packed by bzip2": (_packed(zipfile.ZIP_BZIP2), "is compressed"),
    "packed by LZMA": (_packed(zipfile.ZIP_LZMA), "is compressed"),
    "a way out": (_with("archive/../../evil"), "leads outside"),
    "a way from the root": (_with("/etc/passwd"), "leads outside"),
    "two roots": (_with("other/data.pkl"), "2 members data.pkl"),
    "code of TorchScript": (_with("archive/constants.pkl"), "holds code"),
    "members named twice": (_members_twice(), "two members are named"),
    "members over each other": (
        patched(GOOD, ENTRY + 20, struct.pack("<2L", 200, 200)),
        "lies over another one",
    ),
    "a member outside": (patched(GOOD, ENTRY + 42, b"\xfe\xff\xff\x7f"), "lies outside"),
    "another member's place": (
        patched(GOOD, ENTRY + 42, struct.pack("<L", _local(GOOD, PICKLE))),
        "is not where the directory",
    ),
    "longer than the file": (patched(GOOD, ENTRY + 20, b"\xfe\xff\xff\x7f" * 2), "lies over"),
    "a member of 2**64 bytes": (zip64((1 << 64) - 1, HEADER), "lies over"),
    "a member at 2**64": (zip64(16, (1 << 64) - 1), "lies outside"),
    "encrypted": (patched(GOOD, ENTRY + 8, b"\x01\x00"), "encrypted"),
    "encrypted in its header": (patched(GOOD, HEADER + 6, b"\x01\x00"), "is not where"),
    "packed in its header": (patched(GOOD, HEADER + 8, b"\x08\x00"), "is not where"),
    "another name in its header": (patched(GOOD, HEADER + 30, b"archive/data/9"), "is not where"),
    "a damaged pickle": (GOOD.replace(b"FloatStorage", b"HalfStoragee"), "checksum"),
    "a damaged storage": (
        GOOD.replace(struct.pack("<2f", 2, 3), struct.pack("<2f", 2, 7)),
        "checksum of storage 0",
    ),
    "a damaged entry": (patched(GOOD, ENTRY, b"XX"), "directory of the archive is damaged"),
    "a damaged header": (patched(GOOD, HEADER, b"XX"), "is not where"),
    "a damaged end": (patched(GOOD, END, b"XX"), "without its end"),
    "something after the end": (GOOD + b"x", "without its end"),
    "more members": (patched(GOOD, END + 8, b"\xfe\xff\xfe\xff"), "is cut short"),
    "fewer members": (patched(GOOD, END + 8, b"\x02\x00\x02\x00"), "more than its members"),
    "a directory outside": (patched(GOOD, END + 16, b"\xff\xff\xff\x7f"), "outside of it"),
    "a directory of 4 GB": (
        patched(GOOD, END + 12, b"\xfe\xff\xff\xff"),
        "which take 4294967294 bytes",
    ),
    "an end outside": (GOOD[:END] + _END64 + GOOD[END:], "end of the archive lies outside"),
    "a big-endian order": (archive(CONTENT, order=b"big"), "big-endian"),
    "an order that is none": (archive(CONTENT, order=b"middle"), "big-endian"),
    "no storages": (archive(CONTENT, {}), "has no storage '0'"),
    "no pickle": (GOOD.replace(b"archive/data.pkl", b"archive/data.pkk"), "0 members data.pkl"),
    "an empty pickle": (archive(b""), "cut short or damaged"),
    "something after the pickle": (archive(CONTENT + b"N."), "after its end"),
}


STREAMS = {
    "another magic number": {"magic": 7},
    "a magic text": {"magic": "magic"},
    "another protocol": {"protocol": 1002},
    "a big-endian system": {"system": {"little_endian": False}},
    "a system that is a list": {"system": [1]},
    "a storage that is not listed": {"keys": []},
    "a storage listed twice": {"keys": ["0", "0"]},
    "keys of other kinds": {"keys": [0, None]},
    "no list of keys": {"keys": "0"},
    "a storage of other length": {"storages": {"0": (5, bytes(20))}},
    "a storage of negative length": {"storages": {"0": (-4, bytes(16))}},
    "a storage of 2**62 values": {"storages": {"0": (1 << 62, bytes(16))}},
    "a storage that is cut short": {"storages": {"0": (4, bytes(15))}},
    "a storage without its length": {"storages": {}, "keys": ["0"]},
    "a storage that nobody wants": {"storages": {"0": (4, bytes(16)), "1": (4, bytes(16))}},
}


# files of safetensors


def safetensors(header, content=bytes(16), n_bytes=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if n_bytes is None else n_bytes) + raw + content


def described(dtype="F32", shape=(4,), offsets=(0, 16)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def _one(**options):
    return safetensors({"w": described(**options)})


def _two(offsets, n_bytes):
    return safetensors({"w": described(), "v": described(offsets=offsets)}, bytes(n_bytes))


_W = json.dumps(described()).encode()
_METADATA = {"__metadata__": {"a": 1}, "w": described()}

SAFETENSORS = {
    "a tensor named twice": safetensors(b'{"w":' + _W + b',"w":' + _W + b"}"),
    "two types": safetensors(b'{"w":' + _W.replace(b"F32", b"I32") + b',"w":' + _W + b"}"),
    "metadata twice": safetensors(b'{"__metadata__":{"a":"1","a":"2"},"w":' + _W + b"}"),
    "tensors over each other": _two((0, 16), 16),
    "tensors half over each other": _two((8, 24), 24),
    "a hole": _two((32, 48), 48),
    "something after the last": safetensors({"w": described()}, bytes(32)),
    "numbers outside": _one(offsets=(0, 1 << 40), shape=(1 << 38,)),
    "cut short": safetensors({"w": described()}, bytes(15)),
    "negative places": _one(offsets=(-16, 0)),
    "places back to front": _one(offsets=(16, 0)),
    "places beyond 64 bits": _one(offsets=(0, 1 << 70)),
    "another shape": _one(shape=(5,)),
    "a negative shape": _one(shape=(-4,)),
    "a shape that overflows": _one(shape=(1 << 33, 1 << 33)),
    "an unknown type": _one(dtype="F31"),
    "another width": _one(dtype="F64"),
    "a missing place": safetensors({"w": {"dtype": "F32", "shape": [4]}}),
    "metadata that are no texts": safetensors(_METADATA),
    "metadata that are a list": safetensors(_METADATA | {"__metadata__": [1]}),
    "a header of 2**63 bytes": safetensors({"w": described()}, n_bytes=1 << 63),
    "a header of 1 GB": safetensors({"w": described()}, n_bytes=1 << 30),
    "a header that is cut short": safetensors({"w": described()}, b"", 10_000),
    "a header that is no JSON": safetensors(b'{"w": {'),
    "a header of great depth": safetensors(b'{"w":' + b"[" * 100_000),
    "a header that is no UTF-8": safetensors(b'{"\xff\xfe":1}'),
    "no header": struct.pack("<Q", 0) + b"{",
}


def _nested(n):
    return "[" * n + "]" * n


_LARGE = [[i << 44, 0] for i in range(1, 5002)]

#: What a converted file may say that it holds.
METADATA = {
    "no JSON": "{",
    "nothing": "{}",
    "a number": "7",
    "great depth": f'{{"content": {_nested(100_000)}}}',
    "a tensor that is not there": '{"content": {"w": {"__tensor__": "v"}}}',
    "entries that are no pairs": '{"content": {"__items__": [[1, 2, 3]]}}',
    "entries that are a number": '{"content": {"__items__": 3}}',
    "a number that is none": '{"content": {"n": {"__integer__": "xyz"}}}',
    "a float that is none": '{"content": {"n": {"__float__": "xyz"}}}',
    "a float that is a list": '{"content": {"n": {"__float__": [1]}}}',
    "bytes that are none": '{"content": {"n": {"__bytes__": "x"}}}',
    "a number of many digits": f'{{"content": {"9" * 100_000}}}',
    "large numbers as keys": json.dumps({"content": {"__items__": _LARGE}}),
}


# files larger than any memory


def sparse(path, n_bytes, head=b"", tail=b""):
    """A file that takes no space, with so many zeros in its middle."""
    with path.open("wb") as file:
        file.write(head)
        file.seek(n_bytes, os.SEEK_CUR)
        file.write(tail or b"\0")


def large_pickle(path, n_bytes):
    """An archive whose pickle has so many zeros."""
    sizes = (0, n_bytes, n_bytes, len(PICKLE))
    head = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, *sizes, 0) + PICKLE
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, *sizes, *[0] * 6) + PICKLE
    start = len(head) + n_bytes
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), start, 0)
    sparse(path, n_bytes, head, entry + end)
