"""Representational similarity at the size of NH2015: 165 sounds, 8 listeners, 13 layers.

The cross-validated choice of layer, from features and from dissimilarity matrices, beside the
plain version of the tests (a new ranking by scipy for every comparison); the bootstrap over sounds
beside rsatoolbox's. Theirs averages over listeners, and as published adds a noise ceiling to every
sample; it is also timed without. It is timed on fewer samples, and the time scaled. Prints
medians, ratios, differences and the peak memory of a process.

Each runs on one thread; heschl once more on all cores.

Run: python benchmarks/rsa.py
"""

from __future__ import annotations

import importlib
import os
import resource
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from timing import Timing, interleaved

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

N_SOUNDS, N_LISTENERS, N_VOXELS, N_LAYERS, N_FEATURES, N_FOLDS = 165, 8, 960, 13, 768, 5
FOLDS = np.random.default_rng(1).permutation(np.arange(N_SOUNDS) % N_FOLDS)
N_SAMPLES, THEIR_SAMPLES = 1000, 20
RUNS = 3


def problem() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Layers with shared latent causes; listeners whose voxels have some of these, and noise."""
    from heschl.rsa import brain_rdms

    rng = np.random.default_rng(0)
    latent = rng.standard_normal((N_SOUNDS, N_SOUNDS)) * np.arange(1, N_SOUNDS + 1) ** -0.7
    features = {
        f"layer{k:02d}": latent
        * rng.uniform(0.2, 2, N_SOUNDS)
        @ rng.standard_normal((N_SOUNDS, N_FEATURES))
        for k in range(N_LAYERS)
    }
    n_targets = N_LISTENERS * N_VOXELS
    signal = latent[:, :12] @ rng.standard_normal((12, n_targets))
    noise = 2 * rng.standard_normal((N_SOUNDS, n_targets))
    _, brain = brain_rdms(signal + noise, np.arange(n_targets) % N_LISTENERS)
    return features, brain


def resamples() -> np.ndarray:
    """How often each sound is drawn, (n_samples, n_sounds)."""
    rng = np.random.default_rng(2)
    return rng.multinomial(N_SOUNDS, np.full(N_SOUNDS, 1 / N_SOUNDS), size=N_SAMPLES)


def naive(model: np.ndarray, brain: np.ndarray) -> np.ndarray:
    import naive_rsa

    full = [naive_rsa.square(one, N_SOUNDS) for one in model]
    scored = [naive_rsa.crossval(naive_rsa.square(one, N_SOUNDS), full, FOLDS) for one in brain]
    return np.array([rho for rho, _, _ in scored])


def theirs(model: np.ndarray, brain: np.ndarray, ceiling: bool) -> np.ndarray:
    """Mean rho over listeners in `THEIR_SAMPLES` resamples, with a ceiling in each or not."""
    from rsatoolbox.inference import eval_bootstrap_pattern
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs

    fixed = ModelFixed("layer", RDMs(model[None]))
    result = eval_bootstrap_pattern(
        fixed, RDMs(brain), method="spearman", N=THEIR_SAMPLES, boot_noise_ceil=ceiling
    )
    return np.asarray(result.evaluations)


def all_of_ours() -> None:
    """Score and resample, for the peak memory."""
    from heschl import rsa

    features, brain = problem()
    scored = rsa.score(features, brain, FOLDS, show_progress=False)
    rsa.bootstrap(scored.model, brain, resamples())


def peak_megabytes() -> float:
    """Peak resident memory of a process that makes the data and runs `all_of_ours` once."""
    folder = Path(__file__).resolve().parent
    code = "import rsa; rsa.all_of_ours()"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def measure() -> tuple[dict[str, Timing], float]:
    """Time everything; the second is the largest difference of a score from the plain version's."""
    from heschl import rsa

    features, brain = problem()
    model, counts = rsa.model_rdms(features, show_progress=False), resamples()
    scored = rsa.score_rdms(model, brain, FOLDS)
    same = np.repeat(model[:1], N_LISTENERS, axis=0)
    timings = interleaved(
        {
            "crossval from features": lambda: rsa.score(
                features, brain, FOLDS, n_jobs=1, show_progress=False
            ),
            "crossval from RDMs": lambda: rsa.score_rdms(model, brain, FOLDS, n_jobs=1),
            "crossval from RDMs, all cores": lambda: rsa.score_rdms(model, brain, FOLDS),
            "crossval from RDMs, plain": lambda: naive(model, brain),
            "bootstrap of a layer": lambda: rsa.bootstrap(same, brain, counts, n_jobs=1),
            "bootstrap of assembled RDMs": lambda: rsa.bootstrap(
                scored.model, brain, counts, n_jobs=1
            ),
            "bootstrap of assembled, all cores": lambda: rsa.bootstrap(scored.model, brain, counts),
            "bootstrap of all layers": lambda: rsa.bootstrap_layers(model, brain, counts, n_jobs=1),
            "rsatoolbox, a layer": lambda: theirs(model[0], brain, False),
            "rsatoolbox, a layer and ceilings": lambda: theirs(model[0], brain, True),
        },
        runs=RUNS,
    )
    return timings, float(np.abs(scored.rho - naive(model, brain)).max())


def main() -> None:
    os.environ["TQDM_DISABLE"] = "1"  # rsatoolbox's progress bars
    peak = peak_megabytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rsatoolbox, on import
        importlib.import_module("rsatoolbox")
    with threadpool_limits(limits=1):
        timings, difference = measure()
    print(f"{N_SOUNDS} sounds, {N_LISTENERS} listeners, {N_LAYERS} layers, {N_SAMPLES} resamples")
    print(f"{'':34}{'wall s':>10}{'cpu s':>10}{'/ heschl wall':>15}")
    for name, timing in timings.items():
        scale = N_SAMPLES / THEIR_SAMPLES if name.startswith("rsatoolbox") else 1
        same = "crossval from RDMs" if name.startswith("crossval") else "bootstrap of a layer"
        relative = timing.wall * scale / timings[same].wall
        print(f"{name:34}{timing.wall * scale:10.3f}{timing.cpu * scale:10.3f}{relative:15.2f}")
    print(f"rsatoolbox: from {THEIR_SAMPLES} resamples; crossval differs by {difference:.1e}")
    print(f"peak memory of a process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
