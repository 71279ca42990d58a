"""Uncompressed tars, read from header to header: on disk, by Range requests, or as they come.

The standard library reads the headers (ustar, GNU and pax: long names, sizes beyond 8 GB). It asks
for few bytes at a time and skips what lies between headers; `heschl.fetch.pieces` answers that.
"""

from __future__ import annotations

import difflib
import posixpath
import tarfile
from collections.abc import Callable, Collection, Iterator

from heschl.fetch.asking import Refuse
from heschl.fetch.pieces import TarBytes

_SHOWN_BYTES = 60
_MOST_MEMBERS = 1_000_000
_SHOWN = 3


def members(
    file: TarBytes,
    wanted: Collection[str],
    refuse: Refuse,
    passed: Callable[[int], object] = lambda end: None,
) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield the wanted members of a tar in its order; the rest is not read once all came.

    Between two of them, nothing but the contents of the last may be read from the file. A name that
    the tar has twice counts the first time.

    Parameters
    ----------
    file : TarBytes
        At its start.
    wanted : collection of str
        Exact names; a leading ``./`` in the tar makes no difference.
    refuse : callable
        Makes the error of a reason.
    passed : callable, optional
        Is told, for each member, where it ends.

    Raises
    ------
    FetchError
        If it is no tar, if it ends before all came, or if a wanted member is no file.
    """
    left, seen = set(wanted), []
    for info in _headers(file, refuse):
        name = info.name.removeprefix("./")
        seen.append(name)
        if len(seen) > _MOST_MEMBERS:
            raise refuse(f"more than {_MOST_MEMBERS} members; is it another archive?")
        passed(info.offset_data + info.size)
        if name not in left:
            continue
        left.remove(name)
        if not info.isreg() or info.issparse():
            kind = "a link to " + info.linkname if info.issym() or info.islnk() else "no plain file"
            raise refuse(f"its member {name} is {kind}; expected the file itself")
        yield name, info
        if not left:
            return
    raise refuse(_absent(sorted(left), seen))


def _headers(file: TarBytes, refuse: Refuse) -> Iterator[tarfile.TarInfo]:
    begin = bytes(file.peek(_SHOWN_BYTES)[:_SHOWN_BYTES])
    try:
        tar = tarfile.TarFile(fileobj=file, mode="r")
    except tarfile.TarError as error:
        raise refuse(
            f"not an uncompressed tar ({error}): it begins with {begin!r}. Something on the way (a "
            "proxy, a login page) may have answered in its place"
        ) from error
    end = 0
    while True:
        try:
            info = tar.next()
        except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
            raise refuse(_damaged(end, str(error))) from error
        if info is None:
            break
        if info.size < 0 or tar.offset <= end:  # would go round in circles
            raise refuse(_damaged(end, f"a member of {info.size} bytes"))
        end = tar.offset
        yield info
    # The library takes anything that is no header for the end, which is marked by a block of zeros.
    if file.last != bytes(tarfile.BLOCKSIZE):
        raise refuse(_damaged(end, "neither another header nor the mark of its end"))


def _damaged(place: int, what: str) -> str:
    return f"the tar is cut short or damaged: after its byte {place} comes {what}"


def _absent(left: list[str], seen: list[str]) -> str:
    """Say which members are not there, and which look like the first of them."""
    count = f" and {len(left) - 1} more" if len(left) > 1 else ""
    same = [name for name in seen if posixpath.basename(name) == posixpath.basename(left[0])]
    near = difflib.get_close_matches(left[0], same or seen, n=_SHOWN, cutoff=0.3)
    shown = f"; most like it: {', '.join(near)}" if near else ""
    return (
        f"has no member {left[0]}{count} among {len(seen)}{shown}. The archive is another one, or "
        "was made anew"
    )
