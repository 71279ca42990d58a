"""One fuzzer of one target, in a process of its own.

Started by ``run.py``, which also removes what it leaves: libFuzzer ends without Python's clean-up.
"""

from __future__ import annotations

import os
import resource
import shlex
import sys
from pathlib import Path

import atheris

import places
import targets
import watch

#: Bytes that an input may ask for at once, whether they are used or not.
MOST_MEMORY = 2_000_000_000


def main(name: str, options: list[str]) -> None:
    """Fuzz until libFuzzer's options say that it is enough, or something is found."""
    packages = list(targets.TARGETS.get(name, ()))
    with atheris.instrument_imports(include=packages, enable_loader_override=False):
        check = targets.load(name)
    os.environ["HESCHL_HOME"] = str(places.ROOT / "home")
    _limit_memory()
    again = shlex.join([sys.executable, __file__, name])  # libFuzzer starts itself to merge
    atheris.Setup([again, *options], watch.watched(check, costs=True))
    atheris.Fuzz()


def _limit_memory() -> None:
    """Let what asks for gigabytes fail at once, with MemoryError."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
