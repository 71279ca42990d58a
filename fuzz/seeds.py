"""Writes the seeds of the corpus and the dictionaries: python fuzz/seeds.py

Small files of every kind, as heschl's writers, numpy, pandas, torch and soundfile make them, and a
few that are cut short or mean harm. The same bytes every time with the same versions of these.
Findings (``corpus/TARGET/finding-...``) are not touched.
"""

from __future__ import annotations

import collections
import io
import pickle
import pickletools
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

HERE = Path(__file__).resolve().parent
LARGEST = 8_000

Seeds = dict[str, bytes]


def pickles() -> Seeds:
    frame = pd.DataFrame({"voxel_id": [4, 7], "hemi": ["lh", "rh"], "x_ras": [1.5, -2.0]})
    values: dict[str, Any] = {
        "plain": {"a": [1, -2, 3.5, None, True], "b": (b"x", "y"), "c": {1, 2}, (1, "k"): 2**70},
        "shared": [[1, 2]] * 3,
        "state": collections.OrderedDict(weight=[0.5] * 3, device=collections.Counter("aab")),
        "numpy": {"lr": np.float64(0.1), "n": np.int32(3), "array": np.arange(3.0)},
        "long": [2**80, -(2**40), 1 << 31, 0.1, "x" * 300],
    }
    found = {f"{name}-{n}": pickle.dumps(one, n) for name, one in values.items() for n in (2, 4)}
    for protocol in (2, 5):
        file = io.BytesIO()
        frame.astype({"hemi": object}).to_pickle(file, protocol=protocol)
        found[f"table-{protocol}"] = file.getvalue()
    file = io.BytesIO()
    frame.to_pickle(file, protocol=5)
    found["table-strings"] = file.getvalue()
    found["runs-something"] = b"\x80\x02ctargets.pickles\nfire\n(X\x01\x00\x00\x00xtR."
    found["runs-new"] = b"\x80\x04\x8c\x0ftargets.pickles\x8c\x04fire\x93)\x81}b."
    found["doubling"] = b"\x80\x02]q\x00" + b"".join(
        b"](h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) for i in range(12)
    ) + b"."
    return found


def pickle_words() -> list[bytes]:
    words = [opcode.code.encode("latin1") for opcode in pickletools.opcodes]
    names = ("torch._utils _rebuild_tensor_v2", "collections OrderedDict", "torch FloatStorage")
    names += ("builtins set", "_codecs encode", "numpy dtype", "numpy.core.multiarray scalar")
    names += ("pandas.core.internals.managers BlockManager", "builtins slice", "torch Size")
    return words + [b"c" + "\n".join(name.split()).encode() + b"\n" for name in names]


def sounds() -> Seeds:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal((400, 1))).astype(np.float32)
    kinds: dict[str, dict[str, Any]] = {
        "wav-16": {"format": "WAV", "subtype": "PCM_16"},
        "wav-float": {"format": "WAV", "subtype": "FLOAT"},
        "wav-24": {"format": "WAVEX", "subtype": "PCM_24"},
        "wav-ima": {"format": "WAV", "subtype": "IMA_ADPCM"},
        "rf64": {"format": "RF64", "subtype": "PCM_16"},
        "flac": {"format": "FLAC", "subtype": "PCM_16"},
        "aiff": {"format": "AIFF", "subtype": "PCM_16"},
        "vorbis": {"format": "OGG", "subtype": "VORBIS"},
        "opus": {"format": "OGG", "subtype": "OPUS"},
        "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
        "w64": {"format": "W64", "subtype": "PCM_16"},
        "caf": {"format": "CAF", "subtype": "PCM_16"},
        "au": {"format": "AU", "subtype": "ULAW"},
    }
    found = {}
    for name, options in kinds.items():
        file = io.BytesIO()
        soundfile.write(file, noise, 16_000, **options)
        found[name] = _timeless(file.getvalue())
    file = io.BytesIO()
    soundfile.write(file, np.repeat(noise[:100], 2, axis=1), 44_100, format="WAV")
    found["wav-stereo"] = file.getvalue()
    found["flac-cut"] = found["flac"][:200]
    return found


def _timeless(content: bytes) -> bytes:
    """Return a sound file without the time and the random number that libsndfile writes into it."""
    if b"PEAK" in content:
        place = content.index(b"PEAK") + 12
        content = content[:place] + bytes(4) + content[place + 4 :]
    if not content.startswith(b"OggS"):
        return content
    pages = content.split(b"OggS")[1:]
    return b"".join(_page(b"OggS" + page) for page in pages)


def _page(page: bytes) -> bytes:
    """Return a page of Ogg as one of the stream 1, with its checksum (RFC 3533, section 6)."""
    page = page[:14] + struct.pack("<2L", 1, struct.unpack("<L", page[18:22])[0]) + page[22:]
    page = page[:22] + bytes(4) + page[26:]
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
            crc &= 0xFFFFFFFF
    return page[:22] + struct.pack("<L", crc) + page[26:]


def sound_words() -> list[bytes]:
    words = ["RIFF", "WAVE", "fmt ", "data", "RF64", "ds64", "FORM", "AIFF", "AIFC", "COMM", "SSND"]
    words += ["fLaC", "OggS", "OpusHead", "\x01vorbis", "ID3", "Xing", "Info", "LIST", "fact"]
    return [word.encode() for word in words] + [b"\xff\xfb\x90", bytes(4), b"\xff" * 4]


SEEDS: Mapping[str, Callable[[], Seeds]] = {
    "pickles": pickles,
    "sounds": sounds,
}

#: Texts that files of a target have; the fuzzer inserts them.
WORDS: Mapping[str, Callable[[], list[bytes]]] = {
    "pickles": pickle_words,
    "sounds": sound_words,
}


def main() -> None:
    """Write all of it."""
    for target, make in SEEDS.items():
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in make().items():
            if len(content) > LARGEST:
                raise SystemExit(f"{target}/{name} has {len(content)} bytes; at most {LARGEST}")
            (folder / name).write_bytes(content)
    (HERE / "dictionaries").mkdir(exist_ok=True)
    for target, words in WORDS.items():
        lines = "".join(f'"{_escaped(word)}"\n' for word in words())
        (HERE / "dictionaries" / f"{target}.dict").write_text(lines)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
