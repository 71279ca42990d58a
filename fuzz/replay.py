"""Give files to a target, without atheris; what is found ends it with its traceback.

Run: python fuzz/replay.py TARGET FILE ...
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import places
import targets
import watch


def main(name: str, paths: list[str]) -> None:
    """Give each file to the target."""
    os.environ["HESCHL_HOME"] = str(places.ROOT / "home")
    check = watch.watched(targets.load(name), costs=True)
    try:
        for path in paths:
            check(Path(path).read_bytes())
            print(f"{path}: nothing found")
    finally:
        places.clear()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
