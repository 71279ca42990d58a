"""Protocol tuckute2023 at the size of NH2015: 7,694 voxels, 13 layers of 768 features.

Beside it the same protocol as a plain loop with scikit-learn's RidgeCV (timed on a few voxels, one
split and one layer). Prints medians, ratios and the peak memory of a process.

Run: python benchmarks/tuckute2023.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from timing import Timing, interleaved, peak_megabytes, show

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

N_SOUNDS, N_TARGETS, N_LAYERS, N_FEATURES = 165, 7694, 13, 768
RUNS = 2
LOOP_TARGETS = 10


def problem() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Layers with shared latent causes; three noisy responses to some of these."""
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((N_SOUNDS, N_SOUNDS)) * np.arange(1, N_SOUNDS + 1) ** -0.7
    features = {
        f"layer{k:02d}": latent
        * rng.uniform(0.2, 2, N_SOUNDS)
        @ rng.standard_normal((N_SOUNDS, N_FEATURES))
        / 6
        for k in range(N_LAYERS)
    }
    signal = latent[:, :12] @ rng.standard_normal((12, N_TARGETS))
    noise = rng.standard_normal((N_SOUNDS, N_TARGETS, 3))
    return features, signal[..., None] + rng.uniform(0.5, 4, N_TARGETS)[:, None] * noise


def ours(features: dict[str, np.ndarray], responses: np.ndarray, n_jobs: int | None = None) -> None:
    from heschl.encode import corrected_ridge

    corrected_ridge(features, responses, n_jobs=n_jobs, show_progress=False)


def loop(features: dict[str, np.ndarray], responses: np.ndarray) -> Timing:
    """Seconds that the plain loop would take for all voxels, layers and splits."""
    import naive_tuckute

    splits = naive_tuckute.splits()
    x = next(iter(features.values()))
    with threadpool_limits(limits=1):
        start = time.perf_counter()
        for t in range(LOOP_TARGETS):
            naive_tuckute.score(x, responses[:, t], *splits[0])
        one = (time.perf_counter() - start) / LOOP_TARGETS
    total = one * N_TARGETS * N_LAYERS * len(splits)
    return Timing(total, total, 1)


def main() -> None:
    features, responses = problem()
    found = interleaved(
        {
            "heschl": lambda: ours(features, responses),
            "heschl, 1 thread": lambda: ours(features, responses, 1),
        },
        runs=RUNS,
    )
    found[f"scikit-learn loop (from {LOOP_TARGETS} voxels)"] = loop(features, responses)
    print(f"tuckute2023, {N_TARGETS} voxels x {N_LAYERS} layers x {N_FEATURES} features")
    show(found, beside="heschl")
    peak = peak_megabytes("import tuckute2023 as t; t.ours(*t.problem())")
    print(f"peak memory of a process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
