"""Representational similarity, written a second time and as plainly as possible: full matrices,
loops, and a new ranking by scipy for every comparison."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr


def problem(seed=0, n_layers=4, n_listeners=3, n=24, decimals=None):
    """Layers and listeners (upper triangles) that share a latent code; ties if rounded."""
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((n, 6))

    def entries(n_features, noise):
        x = latent @ rng.standard_normal((6, n_features))
        one = pdist(x + noise * rng.standard_normal(x.shape), "correlation")
        return one if decimals is None else one.round(decimals)

    model = np.stack([entries(30, 1 + k) for k in range(n_layers)])
    brain = np.stack([entries(50, 3) for _ in range(n_listeners)])
    return model, brain


def rdm(x):
    z = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-10)
    out = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        for j in range(len(x)):
            if i != j:
                out[i, j] = 1 - pearsonr(z[i], z[j])[0]
    return out


def upper(matrix):
    return np.array([matrix[i, j] for i in range(len(matrix)) for j in range(i + 1, len(matrix))])


def square(entries, n):
    out = np.zeros((n, n))
    out[np.triu_indices(n, 1)] = entries
    return out + out.T


def rho(a, b):
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0  # undefined; scipy says nan
    return spearmanr(a, b).statistic


def all_rho(first, second):
    return np.array([[rho(a, b) for b in second] for a in first])


def crossval(brain, models, folds):
    """Score of one listener's full matrix, the layers chosen, and the assembled full matrix."""
    n = len(brain)
    above = np.triu(np.ones((n, n), bool), 1)
    assembled = np.full((n, n), np.nan)
    chosen = []
    for i in range(folds.max() + 1):
        for j in range(i, folds.max() + 1):
            mask = np.zeros((n, n), bool)
            mask[folds == i, :] = True
            mask[:, folds == j] = True
            rest = above & ~mask
            scores = [rho(brain[rest], model[rest]) for model in models]
            best = int(np.argmax(scores))
            assembled[mask] = models[best][mask]
            chosen.append(best)
    return rho(brain[above], assembled[above]), chosen, assembled


def ceiling(brain):
    """Lower and upper ceiling of listeners' upper triangles."""
    lower, top = [], []
    for k in range(len(brain)):
        others = [brain[other] for other in range(len(brain)) if other != k]
        lower.append(rho(brain[k], np.mean(others, axis=0)))
        top.append(rho(brain[k], np.mean(brain, axis=0)))
    return lower, top


def bootstrap(a, b, drawn):
    """Rho of two full matrices for a list of drawn sounds, pairs of equal sounds left out."""
    first, second = [], []
    for p in range(len(drawn)):
        for q in range(p + 1, len(drawn)):
            i, j = drawn[p], drawn[q]
            if i != j:
                first.append(a[i, j])
                second.append(b[i, j])
    return rho(first, second)


def permuted(entries, order):
    """Upper triangle of the matrix whose rows and columns are put in this order."""
    return upper(square(entries, len(order))[np.ix_(order, order)])
