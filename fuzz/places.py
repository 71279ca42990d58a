"""Where targets may write, and several files in one input."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

#: Of this process; the only place where anything may be written. Made when it is needed.
ROOT = Path(tempfile.gettempdir()).resolve() / f"heschl-fuzz-{secrets.token_hex(8)}"

_FILE = re.compile(rb"(?:\A|\n)=== ([\w./-]{1,60})\n")


@contextmanager
def folder(name: str = "folder") -> Iterator[Path]:
    """Yield an empty folder, a few levels below `ROOT`, so that what leads out of it is seen."""
    place = ROOT / "outer" / "middle" / name
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def clear() -> None:
    """Remove everything that targets have written."""
    shutil.rmtree(ROOT, ignore_errors=True)


def parts(content: bytes) -> dict[str, bytes]:
    """Return the files of an input, by name: each follows a line ``=== NAME``.

    What stands before the first such line belongs to no file.
    """
    pieces = _FILE.split(content)
    names = [name.decode("ascii", errors="replace") for name in pieces[1::2]]
    return dict(zip(names, pieces[2::2], strict=True))


def joined(files: dict[str, bytes]) -> bytes:
    """Return the input of which `parts` makes these files."""
    return b"".join(b"\n=== " + name.encode() + b"\n" + content for name, content in files.items())


def write(place: Path, files: dict[str, bytes], allowed: Collection[str]) -> None:
    """Write those files whose names are allowed."""
    for name, content in files.items():
        if name in allowed:
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
