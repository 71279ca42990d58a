"""Intervals of rho over sounds hold the true value at least as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from heschl import rsa, stats

N_SOUNDS, N_EXPERIMENTS, N_SAMPLES = 60, 150, 300


class World:
    """A model and a brain that share five causes; any number of sounds can be drawn."""

    def __init__(self, noise, seed=0):
        self.rng = np.random.default_rng(seed)
        self.noise = noise
        self.to_model = self.rng.standard_normal((5, 40))
        self.to_brain = self.rng.standard_normal((5, 60))

    def draw(self, n_sounds):
        """Dissimilarities of both for new sounds, each (1, n_pairs)."""
        causes = self.rng.standard_normal((n_sounds, 5))
        out = []
        for mixing, noise in ((self.to_model, self.noise / 2), (self.to_brain, self.noise)):
            x = causes @ mixing
            x = x + noise * self.rng.standard_normal(x.shape)
            out.append(rsa.upper_triangle(rsa.rdm(x))[None])
        return out


@pytest.mark.parametrize("noise", [1.0, 3.0, 8.0])
def test_intervals_cover(noise):
    """Conservative where similarity is weak: pairs that share a sound are counted as one more."""
    world = World(noise)
    true = rsa.spearman(*world.draw(1200)).item()
    covered = 0
    for experiment in range(N_EXPERIMENTS):
        model, brain = world.draw(N_SOUNDS)
        counts = stats.resamples(N_SOUNDS, N_SAMPLES, experiment)
        samples = rsa.bootstrap(model, brain, counts, n_jobs=1)[:, 0]
        estimate = rsa.spearman(model, brain).item()
        found = stats.interval(samples, estimate, N_SOUNDS, kind="sounds")
        covered += found.low <= true <= found.high
    error = np.sqrt(0.95 * 0.05 / N_EXPERIMENTS)
    assert covered / N_EXPERIMENTS > 0.95 - 3 * error
