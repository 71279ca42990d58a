"""How long ``heschl --help`` takes, beside a Python that does nothing.

Run: python benchmarks/command_line.py
"""

from __future__ import annotations

import subprocess
import sys

from timing import interleaved


def main() -> None:
    def call(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    timings = interleaved(
        {
            "heschl --help": lambda: call("-m", "heschl", "--help"),
            "heschl list": lambda: call("-m", "heschl", "list"),
            "python -c pass": lambda: call("-c", "pass"),
        },
        runs=9,
    )
    print("command line")
    for name, timing in timings.items():
        print(f"{name:16}{timing.wall:8.3f} s")


if __name__ == "__main__":
    main()
