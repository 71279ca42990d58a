"""Timing for the benchmarks: interleaved runs, medians, processor time beside wall time."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timing:
    """Medians over runs.

    Attributes
    ----------
    wall, cpu : float
        Seconds; ``cpu`` counts all threads of the process.
    runs : int
    """

    wall: float
    cpu: float
    runs: int


def interleaved(work: Mapping[str, Callable[[], object]], *, runs: int) -> dict[str, Timing]:
    """Run all pieces of work in turn, ``runs`` times after one warm-up, and take the medians.

    Taking turns makes a machine whose speed drifts slow everything down alike.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for turn in range(runs + 1):
        for name, run in work.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            if turn:
                spent = time.perf_counter() - wall, time.process_time() - cpu
                seconds[name].append(spent)
    return {
        name: Timing(statistics.median(w for w, _ in s), statistics.median(c for _, c in s), runs)
        for name, s in seconds.items()
    }


def peak_megabytes(code: str) -> float:
    """Peak resident memory of a fresh process that runs this code in the benchmarks' folder.

    The largest of all processes so far is what the system reports: measure the largest last.
    """
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parent)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def show(timings: Mapping[str, Timing], *, beside: str) -> None:
    """Print one line for each piece of work, and its wall time over that of one of them."""
    print(f"{'':40}{'wall s':>10}{'cpu s':>10}{'/ ' + beside:>15}")
    for name, timing in timings.items():
        ratio = timing.wall / timings[beside].wall
        print(f"{name:40}{timing.wall:10.3g}{timing.cpu:10.3g}{ratio:15.3g}")
