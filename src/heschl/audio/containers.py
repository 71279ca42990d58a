"""What files tell of themselves that libsndfile does not use: whether their end is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import soundfile

from heschl.errors import AudioError

_LARGEST_PAGE = 65_307  # bytes, of Ogg


def cut_short(path: Path, how: str) -> AudioError:
    """Return the error of a file that ends too early."""
    return AudioError(f"{path}: cut short: {how}; copy or download it again")


def check_whole(path: Path) -> None:
    """Refuse a file that ends too early; libsndfile reads these without a word.

    WAV, RF64 and AIFF say at the start how long they are; the last page of an Ogg file says that it
    is the last (RFC 3533, section 6).
    """
    with path.open("rb") as handle:
        header = handle.read(28)
        if header[:4] == b"OggS":
            handle.seek(0)
            if not _ogg_ends(handle):
                raise cut_short(path, "the end of its Ogg stream is missing")
            return
    promised, actual = _promised_bytes(header), path.stat().st_size
    if actual < promised:
        raise cut_short(path, f"its header promises {promised} bytes, {actual} are there")


def _promised_bytes(header: bytes) -> int:
    """Return the length of a file by its first 28 bytes; 0 if they do not tell."""
    kind = header[:4], header[8:12]
    if len(header) < 28:
        return 0
    if kind == (b"RIFF", b"WAVE"):
        size = int.from_bytes(header[4:8], "little")
        unknown = (0, 0xFFFFFFFF)  # written to a pipe
        return 0 if size in unknown else size + 8
    if kind == (b"RF64", b"WAVE") and header[12:16] == b"ds64":  # EBU Tech 3306
        return int.from_bytes(header[20:28], "little") + 8
    if kind in ((b"FORM", b"AIFF"), (b"FORM", b"AIFC")):
        return int.from_bytes(header[4:8], "big") + 8
    return 0


def _ogg_ends(handle: BinaryIO) -> bool:
    """Whether the last page of an Ogg file is whole and marked as the last of its stream."""
    last, end = False, 0
    while (page := handle.read(27))[:4] == b"OggS" and len(page) == 27:
        last = bool(page[5] & 4)
        sizes = handle.read(page[26])  # of the segments that follow
        end = handle.tell() + sum(sizes)
        handle.seek(end)
    return last and end <= handle.seek(0, os.SEEK_END)


def last_exact_place(path: Path, file: soundfile.SoundFile) -> int:
    """Return the last sample of a file at which libsndfile begins exactly.

    Within the last page of Ogg Vorbis it is wrong by some hundred samples (1.2.2; of the page that
    it cuts to length it takes the end for that of the uncut page). The page before the last says
    where the last begins (RFC 3533, section 6: the granule position).
    """
    if (file.format, file.subtype) != ("OGG", "VORBIS"):
        return int(file.frames)
    with path.open("rb") as handle:
        handle.seek(-min(path.stat().st_size, 2 * _LARGEST_PAGE), os.SEEK_END)
        tail = handle.read()
    found = 0
    page = tail.find(b"OggS")
    while page >= 0:
        position = int.from_bytes(tail[page + 6 : page + 14], "little", signed=True)
        if found < position < file.frames:  # -1: no packet ends on that page
            found = position
        page = tail.find(b"OggS", page + 4)
    return found
