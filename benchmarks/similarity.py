"""Representational similarity: heschl, a plain version, and rsatoolbox, side by side.

At 165 sounds, 13 layers and 8 listeners: the cross-validated choice of layer, from dissimilarity
matrices, against the plain version of the tests (a new ranking by scipy for every comparison); and
the bootstrap over sounds of one model's rho with every listener against rsatoolbox's (timed on a
few samples), which adds a noise ceiling and averages over listeners. Prints medians, ratios and
the peak memory of a process.

Run: python benchmarks/similarity.py
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from pathlib import Path

import numpy as np

from heschl import rsa
from timing import Timing, interleaved, peak_megabytes, show

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

N_SOUNDS, N_LAYERS, N_LISTENERS, N_SAMPLES = 165, 13, 8, 1000
THEIR_SAMPLES = 20
FOLDS = np.random.default_rng(1).permutation(np.arange(N_SOUNDS) % 5)
RUNS = 3


def problem() -> tuple[np.ndarray, np.ndarray]:
    """Upper triangles of layers and listeners that share a latent code."""
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((N_SOUNDS, 10))

    def entries(n_columns: int, noise: float) -> np.ndarray:
        x = latent @ rng.standard_normal((10, n_columns))
        return rsa.upper_triangle(rsa.rdm(x + noise * rng.standard_normal(x.shape)))

    model = np.stack([entries(768, 1 + k / 4) for k in range(N_LAYERS)])
    return model, np.stack([entries(900, 6) for _ in range(N_LISTENERS)])


def drawn() -> np.ndarray:
    rng = np.random.default_rng(2)
    return rng.multinomial(N_SOUNDS, np.full(N_SOUNDS, 1 / N_SOUNDS), N_SAMPLES)


def plain(model: np.ndarray, brain: np.ndarray) -> None:
    import naive_rsa

    full = [naive_rsa.square(one, N_SOUNDS) for one in model]
    for one in brain:
        naive_rsa.crossval(naive_rsa.square(one, N_SOUNDS), full, FOLDS)


def rsatoolbox(model: np.ndarray, brain: np.ndarray) -> None:
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        from rsatoolbox.inference import eval_bootstrap_pattern
        from rsatoolbox.model import ModelFixed
        from rsatoolbox.rdm import RDMs

        fixed = ModelFixed("model", RDMs(model[:1]))
        eval_bootstrap_pattern([fixed], RDMs(brain), method="spearman", N=THEIR_SAMPLES)


def ours(model: np.ndarray, brain: np.ndarray) -> None:
    rsa.score_rdms(model, brain, FOLDS)
    rsa.bootstrap_layers(model[:1], brain, drawn())


def main() -> None:
    model, brain = problem()
    print(f"RSA, {N_SOUNDS} sounds, {N_LAYERS} layers, {N_LISTENERS} listeners: crossval")
    choice = {
        "heschl": lambda: rsa.score_rdms(model, brain, FOLDS),
        "plain loops": lambda: plain(model, brain),
    }
    show(interleaved(choice, runs=RUNS), beside="heschl")
    print(f"bootstrap over sounds, {N_SAMPLES} samples")
    bootstrap = {
        "heschl": lambda: rsa.bootstrap_layers(model[:1], brain, drawn()),
        "heschl, all layers": lambda: rsa.bootstrap_layers(model, brain, drawn()),
        "heschl, one thread": lambda: rsa.bootstrap_layers(model[:1], brain, drawn(), n_jobs=1),
        "rsatoolbox": lambda: rsatoolbox(model, brain),
    }
    found = interleaved(bootstrap, runs=RUNS)
    scale = N_SAMPLES / THEIR_SAMPLES
    theirs = found.pop("rsatoolbox")
    found[f"rsatoolbox (from {THEIR_SAMPLES} samples)"] = Timing(
        theirs.wall * scale, theirs.cpu * scale, theirs.runs
    )
    show(found, beside="heschl")
    peak = peak_megabytes("import similarity as s; s.ours(*s.problem())")
    print(f"peak memory of a process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
