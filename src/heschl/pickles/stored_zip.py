"""Where the members of a zip archive lie in it, if none of them is compressed.

Layout: PKWARE's .ZIP File Format Specification 6.3 (APPNOTE.TXT), sections 4.3.7 (local header),
4.3.12 (central directory), 4.3.14 to 4.3.16 (its end, 64-bit and plain), 4.5.3 (64-bit sizes).
Nothing is unpacked: what is refused here is everything but plain bytes at a known place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from heschl.errors import InputError
from heschl.pickles.records import shown

#: Members and bytes of the directory that an archive may have; checkpoints have a few thousand.
MOST_MEMBERS = 200_000
LARGEST_DIRECTORY = 50_000_000

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_BIG = 0xFFFFFFFF
_ENCRYPTED = 0x1 | 0x40 | 0x2000


@dataclass(frozen=True)
class Member:
    """The bytes of one member.

    Attributes
    ----------
    name : str
    offset, size : int
        In bytes, from the beginning of the archive.
    crc32 : int
        Of the bytes; 0 where the writer did not compute it.
    """

    name: str
    offset: int
    size: int
    crc32: int


def read_members(stream: IO[bytes]) -> dict[str, Member]:
    """Return the members of an archive by their names.

    Parameters
    ----------
    stream : binary stream that can seek

    Raises
    ------
    InputError
        If the archive is cut short or damaged; if a member is compressed or encrypted, is there
        twice, lies outside of the archive or over another one.
    """
    length = stream.seek(0, 2)
    n_members, size, start = _end(stream, length)
    if n_members > MOST_MEMBERS or size > LARGEST_DIRECTORY:
        raise InputError(
            f"an archive of {n_members} members, which take {size} bytes to list; expected at most "
            f"{MOST_MEMBERS} and {LARGEST_DIRECTORY}"
        )
    if start + size > length:
        raise InputError("the directory of the archive lies outside of it")
    stream.seek(start)
    members: dict[str, Member] = {}
    for name, crc32, n_bytes, header in _entries(stream.read(size), n_members):
        if name in members:
            raise InputError(f"two members are named {shown(name)!r}")
        offset = _content_offset(stream, name, header, start)
        members[name] = Member(name, offset, n_bytes, crc32)
    _check_places(members, start)
    return members


def _end(stream: IO[bytes], length: int) -> tuple[int, int, int]:
    """Return the number of members, and size and start of the directory."""
    tail_start = max(length - _END.size, 0)
    stream.seek(tail_start)
    tail = stream.read(_END.size)
    if len(tail) < _END.size or tail[:4] != b"PK\x05\x06":
        raise InputError("an archive without its end: it is cut short, or something follows it")
    _, _, _, _, n_members, size, start, _ = _END.unpack(tail)
    locator_start = tail_start - _LOCATOR64.size
    if locator_start < 0:
        return n_members, size, start
    stream.seek(locator_start)
    signature, _, end64, _ = _LOCATOR64.unpack(stream.read(_LOCATOR64.size))
    if signature != b"PK\x06\x07":
        return n_members, size, start
    if end64 + _END64.size > length:
        raise InputError("the end of the archive lies outside of it")
    stream.seek(end64)
    fields = _END64.unpack(stream.read(_END64.size))
    if fields[0] != b"PK\x06\x06":
        raise InputError("the end of the archive is damaged")
    return fields[7], fields[8], fields[9]


def _entries(directory: bytes, n_members: int) -> Iterator[tuple[str, int, int, int]]:
    """Go through the directory: name, checksum, number of bytes, place of the local header."""
    place = 0
    for _ in range(n_members):
        if place + _ENTRY.size > len(directory):
            raise InputError("the directory of the archive is cut short")
        fields = _ENTRY.unpack_from(directory, place)
        flags, method, crc32, packed, size = fields[3], fields[4], *fields[7:10]
        n_name, n_extra, n_comment, header = fields[10], fields[11], fields[12], fields[16]
        if fields[0] != b"PK\x01\x02":
            raise InputError("the directory of the archive is damaged")
        place += _ENTRY.size
        raw = directory[place : place + n_name]
        name = raw.decode("utf-8", errors="backslashreplace")
        extra = directory[place + n_name : place + n_name + n_extra]
        place += n_name + n_extra + n_comment
        packed, size, header = _sizes64(extra, packed, size, header)
        if method or flags & _ENCRYPTED or packed != size:
            raise InputError(
                f"member {shown(name)!r} is compressed or encrypted; expected plain bytes"
            )
        yield name, crc32, size, header
    if place != len(directory):
        raise InputError("the directory of the archive has more than its members")


def _sizes64(extra: bytes, packed: int, size: int, header: int) -> tuple[int, int, int]:
    """Fill in the numbers that need 64 bits: they are in a field of their own."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        field = extra[place + 4 : place + 4 + length]
        place += 4 + length
        if kind != 1:
            continue
        numbers = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
        size, packed, header = (
            next(numbers, one) if one == _BIG else one for one in (size, packed, header)
        )
    return packed, size, header


def _content_offset(stream: IO[bytes], name: str, header: int, end: int) -> int:
    """Return where the bytes of a member begin, after its local header."""
    if header + _LOCAL.size > end:
        raise InputError(f"member {shown(name)!r} lies outside of the archive")
    stream.seek(header)
    fields = _LOCAL.unpack(stream.read(_LOCAL.size))
    found = stream.read(fields[9]).decode("utf-8", errors="backslashreplace")
    packed = fields[2] & _ENCRYPTED or fields[3]
    if fields[0] != b"PK\x03\x04" or packed or found != name:
        raise InputError(f"member {shown(name)!r} is not where the directory of the archive says")
    return header + _LOCAL.size + int(fields[9]) + int(fields[10])


def _check_places(members: dict[str, Member], end: int) -> None:
    """Refuse members that lie over each other or reach beyond the last one."""
    last = 0
    for member in sorted(members.values(), key=lambda member: (member.offset, member.size)):
        if member.offset < last or member.offset + member.size > end:
            raise InputError(
                f"member {shown(member.name)!r} lies over another one or outside the archive"
            )
        last = member.offset + member.size
