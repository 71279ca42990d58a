"""What the system says of this process."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

Key = Literal["VmData", "VmHWM", "VmRSS"]
"""Private memory that can be written; the most there was; what is there now (proc(5))."""


def memory(key: Key) -> int | None:
    """Return a size of this process's memory in bytes; None where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    return 1024 * int(status.split(f"{key}:")[1].split()[0])


def forget_peak() -> None:
    """Let the most there was (``VmHWM``) count from now on, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
