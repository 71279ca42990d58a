"""Sound files, the same bytes every time."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import soundfile

Seeds = dict[str, bytes]


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
