"""How large a file may be that is brought: as published, or else as large as its kind can be."""

from __future__ import annotations

import shutil
from pathlib import Path

from heschl.errors import StoreError
from heschl.fetch.planning import RemoteFile

#: Bytes by suffix, for files of which no size is published. The largest that are known: a model
#: with 10 GB, a hearing task with 100 GB, a tar of models with 300 GB.
_MOST = {
    ".json": 100_000_000,
    ".txt": 100_000_000,
    ".gin": 10_000_000,
    ".yaml": 10_000_000,
    ".csv": 5_000_000_000,
    ".tar": 2_000_000_000_000,
    ".gz": 500_000_000_000,
}
_MOST_OTHERS = 50_000_000_000

#: Of a tar on a server that sends only the whole, of which a few members are kept.
MOST_OF_TAR = _MOST[".tar"]


def most_bytes(file: RemoteFile) -> int:
    """Return how many bytes may come of a file: its size, or the most for its kind."""
    if file.size is not None:
        return file.size
    return _MOST.get(file.path.suffix.lower(), _MOST_OTHERS)


def check_room(path: Path, n_bytes: int) -> None:
    """Raise StoreError if so many bytes more do not fit on the disk of a file.

    Parameters
    ----------
    path : Path
        Of the file; its folder is there.
    n_bytes : int
    """
    free = shutil.disk_usage(path.parent).free
    if n_bytes > free:
        raise StoreError(
            f"cannot write {path}: {n_bytes / 1e6:.1f} MB are to come and {free / 1e6:.1f} MB are "
            "free. Free some space or set HESCHL_HOME to a folder on a larger disk"
        )
