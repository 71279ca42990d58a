"""What was installed of a model: which files, their hashes, and the licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from heschl import store

NAME = "installed.json"


@dataclass(frozen=True)
class Kept:
    """A file that is kept of a released one.

    Attributes
    ----------
    path : str
        Relative to the model's folder: that of the released file, or of what it was converted to.
    size : int
    sha256 : str
        Of what is kept.
    released : str
        SHA-256 of the released file.
    """

    path: str
    size: int
    sha256: str
    released: str


@dataclass(frozen=True)
class Receipt:
    """What is installed.

    Attributes
    ----------
    licence : str
        As it was shown.
    accepted : bool
        Whether the user accepted it explicitly.
    files : mapping of str to Kept
        By the paths of the released files.
    """

    licence: str
    accepted: bool
    files: Mapping[str, Kept]

    def write(self, folder: Path) -> None:
        """Write it to the model's folder."""
        store.write_json(folder / NAME, asdict(self))


def read_receipt(folder: Path) -> Receipt | None:
    """Return what is installed in a folder; None if nothing is, or if it cannot be understood."""
    try:
        content = store.read_json(folder / NAME)
        files = {str(path): _kept(**kept) for path, kept in content["files"].items()}
        return Receipt(str(content["licence"]), content["accepted"] is True, files)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return None


def is_there(folder: Path, kept: Kept, *, hashed: bool) -> bool:
    """Whether a kept file is there, of its size; ``hashed`` compares every byte."""
    try:
        path = folder / kept.path
        if path.stat().st_size != kept.size:
            return False
        return not hashed or store.file_sha256(path) == kept.sha256
    except (OSError, ValueError):  # ValueError: a name that none can have
        return False


def _kept(path: str, size: int, sha256: str, released: str) -> Kept:
    if not all(isinstance(one, str) for one in (path, sha256, released)):
        raise TypeError("a path or hash that is no text")
    return Kept(path, int(size), sha256, released)
