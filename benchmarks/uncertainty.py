"""Bootstrap of r2 at the size of NH2015: 1,000 resamples of 165 sounds, 7,694 voxels, 8 listeners.

Beside it: a plain numpy loop that indexes the drawn sounds anew for every resample (timed on a
few), and the bare matrix products of the counts with five arrays. Prints medians, ratios and the
peak memory of a process. Last, the median r2 of 8 listeners with 26,792 targets, for its memory.

Run: python benchmarks/uncertainty.py
"""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

from timing import interleaved, peak_megabytes, show

N_SOUNDS, N_TARGETS, N_LISTENERS, N_SAMPLES = 165, 7694, 8, 1000
LARGE = 26_792
RUNS = 3
LOOP_SAMPLES = 5


def problem(n_targets: int = N_TARGETS) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Predictions, responses that correlate with them, whose voxels they are, and counts."""
    from heschl.stats import resamples

    rng = np.random.default_rng(0)
    predicted = rng.standard_normal((N_SOUNDS, n_targets))
    measured = predicted + rng.uniform(0.5, 4, n_targets) * rng.standard_normal(predicted.shape)
    listeners = np.sort(rng.integers(0, N_LISTENERS, n_targets))
    return predicted, measured, listeners, resamples(N_SOUNDS, N_SAMPLES, seed=0)


def all_targets(n_jobs: int | None = None, n_targets: int = N_TARGETS) -> np.ndarray:
    from heschl.stats import bootstrap_r2

    predicted, measured, _, counts = problem(n_targets)
    return bootstrap_r2(predicted, measured, counts, n_jobs=n_jobs).r


def medians(n_jobs: int | None = None, n_targets: int = N_TARGETS) -> np.ndarray:
    from heschl.stats import bootstrap_listeners

    return bootstrap_listeners(*problem(n_targets), n_jobs=n_jobs)


def loop(n_samples: int) -> np.ndarray:
    """Index, demean, correlate, take medians: one resample at a time."""
    predicted, measured, listeners, counts = problem()
    out = np.empty((n_samples, N_LISTENERS))
    for i in range(n_samples):
        index = np.repeat(np.arange(N_SOUNDS), counts[i])
        p, z = predicted[index], measured[index]
        p, z = p - p.mean(axis=0), z - z.mean(axis=0)
        r = (p * z).sum(axis=0) / np.sqrt((p * p).sum(axis=0) * (z * z).sum(axis=0))
        r2 = np.maximum(r, 0) ** 2
        out[i] = [np.median(r2[listeners == k]) for k in range(N_LISTENERS)]
    return out


def products() -> None:
    """Multiply matrices of the bootstrap's sizes, and nothing more."""
    predicted, _, _, counts = problem()
    weights = counts.astype(np.float64)
    for _ in range(5):
        for start in range(0, N_TARGETS, 512):
            np.matmul(weights, predicted[:, start : start + 512])


def show_memory() -> None:
    """Smallest first, and before this process grows: a new one begins as its copy."""
    for name, call in (
        ("data alone", "problem()"),
        ("medians", "medians()"),
        ("r of all voxels", "all_targets()"),
        (f"medians of {LARGE} targets", f"medians(n_targets={LARGE})"),
    ):
        print(f"peak memory, {name}: {peak_megabytes(f'import uncertainty as u; u.{call}'):.0f} MB")


def main() -> None:
    show_memory()
    np.testing.assert_allclose(medians()[:LOOP_SAMPLES], loop(LOOP_SAMPLES), rtol=0, atol=1e-12)
    with threadpool_limits(limits=1):
        timings = interleaved(
            {
                "making the data": problem,
                "r of all voxels": lambda: all_targets(1),
                "listeners' medians": lambda: medians(1),
                "matrix products": products,
                "listeners' medians, all cores": medians,
            },
            runs=RUNS,
        )
        start = time.perf_counter()
        loop(LOOP_SAMPLES)
        spent = time.perf_counter() - start - timings["making the data"].wall
    print(f"{N_SAMPLES} resamples of {N_SOUNDS} sounds, {N_TARGETS} voxels; with making the data")
    show(timings, beside="listeners' medians")
    whole = spent / LOOP_SAMPLES * N_SAMPLES
    print(f"{f'numpy loop (from {LOOP_SAMPLES} samples)':40}{whole:10.3g}{whole:10.3g}")


if __name__ == "__main__":
    main()
