"""Run the published analysis on arrays of your own: no model, no dataset, no files."""

import numpy as np

from heschl.encode import nested_ridge

rng = np.random.default_rng(0)
n_sounds, n_targets = 100, 30

# two layers; only the second drives the responses
features = {
    "layer1": rng.standard_normal((n_sounds, 50)),
    "layer2": rng.standard_normal((n_sounds, 40)),
}
weights = rng.standard_normal((40, n_targets))
noise = 4 * rng.standard_normal((n_sounds, n_targets))
responses = features["layer2"] @ weights + noise
folds = np.arange(n_sounds) % 5

result = nested_ridge(features, responses, folds, protocol="pepino2025")

print(f"median r2: {np.median(result.r2):.3f}")
print(f"chose layer2 in {np.mean(result.layer == 'layer2'):.0%} of folds and targets")
print(f"predictions: {result.predictions.shape}, penalties: {result.alpha.shape}")
