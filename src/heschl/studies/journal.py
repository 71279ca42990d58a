"""The journal of a study: a line for each job that a process did, in ``jobs.jsonl``.

Lines are added by whichever process did the job, one at a time, after its result is on disk.
Machines are told apart by eight digits of a hash, not by their names.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from heschl import locks, store

FILE = "jobs.jsonl"
#: Network file systems do not append for several machines at once.
LOCK = ".jobs.lock"


def write_line(folder: Path, content: Mapping[str, Any]) -> None:
    """Add a line, with the time and the machine.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    said = {"ended": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    line = json.dumps(said | dict(content), allow_nan=False).encode() + b"\n"
    path = folder / FILE
    with (
        locks.held(folder / LOCK, "a line of the journal"),
        store.writing(path),
        path.open("a+b", buffering=0) as handle,
    ):
        # without a buffer it is one write: where there are no locks, lines do not mix either
        whole = line if _ends_well(handle) else b"\n" + line
        if handle.write(whole) < len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _ends_well(handle: BinaryIO) -> bool:
    """Whether the last line is not one that a full disk cut short."""
    if not handle.seek(0, os.SEEK_END):
        return True
    handle.seek(-1, os.SEEK_END)
    return handle.read(1) == b"\n"


def read_journal(folder: str | Path) -> pd.DataFrame:
    """Return the journal as a table; a line that a full disk cut short is left out.

    Columns: ``ended`` (UTC), ``machine``, ``process``, ``job`` ("extraction" or "analysis"),
    ``what``, ``computed`` (False: it was there), ``seconds``, ``peak_memory`` (bytes; missing where
    the system does not tell), ``trouble``.
    """
    path = Path(folder) / FILE
    rows = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                rows.append(json.loads(line))
    return pd.DataFrame(rows)


def machine() -> str:
    """Return eight digits that tell this machine from others, and do not name it."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
