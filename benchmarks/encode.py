"""Nested ridge regression at the size of NH2015: 7,694 voxels, 13 layers of 768 features.

Beside it: the same protocol as a scikit-learn loop over targets (timed on a few), himalaya's
KernelRidgeCV with the correlation score (no edge rule, mean of per-fold scores: less work), and
the bare matrix products of the grid, in both precisions: heschl computes the grid in single and
makes every choice in double. Prints medians, ratios and the peak memory of a process.

Each runs on one thread; heschl and the products once more on all cores.

Run: python benchmarks/encode.py
"""

from __future__ import annotations

import importlib
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from timing import interleaved

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

N_SOUNDS, N_TARGETS, N_LAYERS, N_FEATURES, N_FOLDS = 165, 7694, 13, 768, 5
FOLDS = np.random.default_rng(1).permutation(np.arange(N_SOUNDS) % N_FOLDS)
RUNS = 3
LOOP_TARGETS = 2


def problem() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Layers with shared latent causes, varying by about 0.3; noisy responses to some of these.

    Most of the best penalties lie at an edge of the grid, as with real features.
    """
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
    noise = rng.uniform(0.5, 4, N_TARGETS) * rng.standard_normal((N_SOUNDS, N_TARGETS))
    return features, signal + noise


def ours(
    features: dict[str, np.ndarray], responses: np.ndarray, n_jobs: int | None = None
) -> np.ndarray:
    from heschl.encode import nested_ridge

    return nested_ridge(features, responses, FOLDS, n_jobs=n_jobs, show_progress=False).r2


def himalaya(features: dict[str, np.ndarray], responses: np.ndarray) -> np.ndarray:
    """Take the same folds, layers and penalties to himalaya, in single precision."""
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import KernelRidgeCV
    from himalaya.scoring import correlation_score
    from sklearn.model_selection import PredefinedSplit

    from heschl.encode import PROTOCOLS

    set_backend("numpy")
    y = responses.astype(np.float32)
    kernels = {}
    for name, x in features.items():
        centred = (x - x.mean(axis=0)).astype(np.float32)
        kernels[name] = centred @ centred.T
    predicted = np.empty_like(y)
    for outer in range(N_FOLDS):
        held_out = np.equal(FOLDS, outer)
        train, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        best = np.full(y.shape[1], -np.inf)
        for kernel in kernels.values():
            model = KernelRidgeCV(
                alphas=PROTOCOLS["pepino2025"].alphas,
                kernel="precomputed",
                cv=PredefinedSplit(FOLDS[train]),
                solver_params={"score_func": correlation_score, "n_targets_batch": 2048},
            )
            model.fit(kernel[np.ix_(train, train)], y[train])
            better = model.cv_scores_ > best
            best[better] = model.cv_scores_[better]
            guess = model.predict(kernel[np.ix_(test, train)])
            predicted[np.ix_(test, np.flatnonzero(better))] = guess[:, better]
    return predicted


def products(responses: np.ndarray, dtype: type[np.floating], n_jobs: int | None = None) -> None:
    """Multiply matrices of the grid's sizes, and nothing more."""
    from heschl.encode.nested import TILE
    from heschl.threads import run_threads

    rng = np.random.default_rng(0)
    n_fold = N_SOUNDS // N_FOLDS
    n_train, n_rows = N_SOUNDS - 2 * n_fold, 8 * 2 * n_fold
    operators = rng.standard_normal((N_LAYERS, n_rows, n_train)).astype(dtype)
    y = responses[:n_train].astype(dtype)
    n_pairs = N_FOLDS * (N_FOLDS - 1) // 2

    def tile(start: int) -> None:
        part = np.ascontiguousarray(y[:, start : start + TILE])
        out = np.empty((n_rows, part.shape[1]), dtype)
        for _ in range(n_pairs):
            for operator in operators:
                np.matmul(operator, part, out=out)

    for _ in run_threads(tile, range(0, N_TARGETS, TILE), n_jobs=n_jobs):
        pass


def loop_seconds(features: dict[str, np.ndarray], responses: np.ndarray) -> float:
    """Seconds per target of the plain loop with scikit-learn's own choice of solver."""
    import naive_ridge

    naive_ridge.SOLVER = "auto"
    start = time.perf_counter()
    for i in range(LOOP_TARGETS):
        naive_ridge.nested_ridge(features, responses[:, i], FOLDS)
    return (time.perf_counter() - start) / LOOP_TARGETS


def peak_megabytes() -> float:
    """Peak resident memory of a process that makes the data and runs `ours` once."""
    code = "import encode; encode.ours(*encode.problem())"
    folder = Path(__file__).resolve().parent
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    features, responses = problem()
    peak = peak_megabytes()
    importlib.import_module("himalaya.kernel_ridge")  # its BLAS, so that the limit reaches it
    with threadpool_limits(limits=1):
        timings = interleaved(
            {
                "heschl": lambda: ours(features, responses, 1),
                "himalaya": lambda: himalaya(features, responses),
                "matrix products, single precision": lambda: products(responses, np.float32, 1),
                "matrix products, double precision": lambda: products(responses, np.float64, 1),
                "heschl, all cores": lambda: ours(features, responses),
                "single products, all cores": lambda: products(responses, np.float32),
            },
            runs=RUNS,
        )
        loop = loop_seconds(features, responses) * N_TARGETS
    heschl = timings["heschl"]
    print(f"nested ridge, {N_TARGETS} targets x {N_LAYERS} layers x {N_FEATURES} features")
    print(f"{'':34}{'wall s':>10}{'cpu s':>10}{'/ heschl wall':>15}")
    for name, timing in timings.items():
        print(f"{name:34}{timing.wall:10.2f}{timing.cpu:10.2f}{timing.wall / heschl.wall:15.2f}")
    note = f"scikit-learn loop (from {LOOP_TARGETS} targets)"
    print(f"{note:34}{loop:10.0f}{loop:10.0f}{loop / heschl.wall:15.0f}")
    print(f"peak memory of a process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
