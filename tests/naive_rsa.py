"""Representational similarity, written a second time and as plainly as possible: full matrices,
loops, and a new ranking by scipy for every comparison."""

from __future__ import annotations

import numpy as np
from scipy.stats import pearsonr, spearmanr


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


def rho(a, b):
    return spearmanr(a, b).statistic


def crossval(brain, models, folds):
    """Score of one listener's full matrix, and the layer chosen for every pair of folds."""
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
    return rho(brain[above], assembled[above]), chosen


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


def square(entries, n):
    out = np.zeros((n, n))
    out[np.triu_indices(n, 1)] = entries
    return out + out.T
