"""Timing for the benchmarks: interleaved runs, medians, processor time beside wall time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


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
