"""Hostile sound files: lengths, channels and rates that lie, numbers that are none."""

from __future__ import annotations

import io
import struct

import numpy as np
import soundfile

from heschl.errors import AudioError
from hostile.case import HostileFile, raw


def chunk(kind, content, size=None, order="<"):
    return kind + struct.pack(f"{order}I", len(content) if size is None else size) + content


def wav(content=bytes(400), *, channels=1, rate=16_000, bits=16, kind=1, data=None, riff=None):
    """A WAV file whose header need not be true."""
    width = channels * bits // 8
    form = struct.pack(
        "<2H2I2H", kind, channels, rate, rate * width & 0xFFFFFFFF, width & 0xFFFF, bits
    )
    body = b"WAVE" + chunk(b"fmt ", form) + chunk(b"data", content, data)
    return chunk(b"RIFF", body, riff)


def aiff(content=bytes(400), *, channels=1, frames=200, size=None):
    rate = struct.pack(">HQ", 0x400C, 0xFA00 << 48)  # 16,000 as a number of 80 bits
    common = struct.pack(">hIh", channels, frames, 16) + rate
    sound = struct.pack(">2I", 0, 0) + content
    body = b"AIFF" + chunk(b"COMM", common, order=">") + chunk(b"SSND", sound, size, ">")
    return chunk(b"FORM", body, order=">")


def rf64(n_frames, content=bytes(400)):
    sizes = struct.pack("<3QI", 36 + 2 * n_frames, 2 * n_frames, n_frames, 0)
    form = struct.pack("<2H2I2H", 1, 1, 16_000, 32_000, 2, 16)
    body = b"WAVE" + chunk(b"ds64", sizes) + chunk(b"fmt ", form)
    return chunk(b"RF64", body + chunk(b"data", content, 0xFFFFFFFF), 0xFFFFFFFF)


def written(samples, kind, **options):
    stream = io.BytesIO()
    soundfile.write(stream, samples, options.pop("rate", 16_000), format=kind, **options)
    return bytearray(stream.getvalue())


def flac(total):
    """A FLAC file that promises so many samples (36 bits of its STREAMINFO)."""
    content = written(np.zeros(4096), "FLAC")
    place = 8 + 10  # the marker, the header of the block; sizes of blocks and frames
    bits = int.from_bytes(content[place : place + 8], "big")
    content[place : place + 8] = (bits >> 36 << 36 | total).to_bytes(8, "big")
    return bytes(content)


def flac_bomb():
    """Digital silence for hours: a few bytes for each 65,535 samples of 8 channels."""
    return bytes(written(np.zeros((1 << 22, 8), np.int16), "FLAC", rate=1000))


def error(words):
    """None where a file is read: its header lies, but libsndfile goes by what is there."""
    return None if words is None else AudioError


def ogg_cut():
    return bytes(written(np.zeros(20_000), "OGG")[:-100])


_NAN = np.full(100, np.nan, "<f4").tobytes()
_INFINITE = np.array([0, np.inf, -np.inf, 0], "<f4").tobytes()

_SOUNDS = {
    "no channels": ("a division by zero", wav(channels=0), "not a readable sound file"),
    "65,535 channels": ("memory for each", wav(channels=65_535), "not a readable sound file"),
    "0 Hz": ("a division by zero", wav(rate=0), ""),
    "a billion Hz": ("memory when it is resampled", wav(rate=1_000_000_000), "expected 1000 to"),
    "1 Hz": ("44,100 times as many samples", wav(rate=1), "expected 1000 to"),
    "2 GB that are not there": (
        "memory for them",
        wav(data=0x7FFFFFFE, riff=0x7FFFFFFF),
        "cut short",
    ),
    "a header that promises more": ("silence for sound", wav(riff=5000), "cut short"),
    "2**40 frames of RF64": ("4 TB", rf64(1 << 40), "cut short"),
    "2**36 samples of FLAC": ("256 GB", flac((1 << 36) - 1), "samples"),
    "2**31 samples of FLAC": ("8 GB", flac(1 << 31), "samples"),
    "2**31 frames of AIFF": ("8 GB", aiff(frames=1 << 31), None),
    "a negative number of channels": ("a negative length", aiff(channels=-1), ""),
    "no samples": ("a mean of nothing", wav(b""), "holds no samples"),
    "numbers that are none": (
        "a score that is none",
        wav(_NAN, bits=32, kind=3),
        "nan or infinite",
    ),
    "infinite numbers": (
        "a score that is none",
        wav(_INFINITE, bits=32, kind=3),
        "nan or infinite",
    ),
    "an unknown coding": ("another decoder", wav(kind=0x674F), "not a readable sound file"),
    "a text": ("what libsndfile calls a raw file", b"x" * 4000, "not a readable sound file"),
    "an Ogg stream without its end": ("half a sound", ogg_cut(), "cut short"),
    "chunks in chunks": ("a loop", b"RIFF" + b"\xff" * 4 + b"WAVE" + b"LIST\0\0\0\0" * 50_000, ""),
    "a chunk of 4 GB": ("memory for a title", wav()[:36] + b"LIST\xf0\xff\xff\xffINFO", ""),
}
#: What a header alone can tell.
_HEADERS = ("2**36 samples of FLAC", "a billion Hz", "65,535 channels", "2**31 frames of AIFF")

FILES = (
    *(
        HostileFile(
            f"sound: {label}", tries, "sound", raw("a.wav", content), error(words), words or ""
        )
        for label, (tries, content, words) in _SOUNDS.items()
    ),
    *(
        HostileFile(
            f"header: {label}",
            tries,
            "header of a sound",
            raw("a.wav", content),
            error(words),
            words or "",
        )
        for label, (tries, content, words) in _SOUNDS.items()
        if label in _HEADERS
    ),
)
