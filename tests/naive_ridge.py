"""The published regression, written a second time and as plainly as possible: one target, one
scikit-learn fit at a time, the edge rule step by step on a growing list."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

SOLVER = "svd"  # exact; benchmarks take scikit-learn's own choice, which is faster
ALPHAS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 50]


def r2_or_zero(predicted, y):
    if np.ptp(y) == 0 or np.ptp(predicted) == 0:
        return 0.0
    r = np.corrcoef(predicted, y)[0, 1]
    return 0.0 if np.isnan(r) or r < 0 else r**2


def predict(x_train, y_train, x_test, alpha):
    if alpha < 1e-12:  # scikit-learn's rounding noise takes over; the limit is least squares
        x_mean, y_mean = x_train.mean(axis=0), y_train.mean()
        weights = np.linalg.lstsq(x_train - x_mean, y_train - y_mean, rcond=1e-10)[0]
        return (x_test - x_mean) @ weights + y_mean
    return Ridge(alpha=alpha, solver=SOLVER).fit(x_train, y_train).predict(x_test)


def inner_predictions(x, y, folds, outer, alpha):
    predicted, measured = [], []
    for k in sorted(set(folds) - {outer}):
        train = (folds != outer) & (folds != k)
        predicted.append(predict(x[train], y[train], x[folds == k], alpha))
        measured.append(y[folds == k])
    return np.concatenate(predicted), np.concatenate(measured)


def inner_score(x, y, folds, outer, alpha):
    return r2_or_zero(*inner_predictions(x, y, folds, outer, alpha))


def grid_scores(features, y, folds, outer):
    """Inner scores of the grid for many targets, y (n_sounds, n_targets): (n_entries, n_targets).

    scikit-learn fits every column by itself, and decomposes the features once for all of them.
    """
    out = []
    for alpha in ALPHAS:
        for x in features.values():
            predicted, measured = inner_predictions(x, y, folds, outer, alpha)
            out.append([r2_or_zero(*pair) for pair in zip(predicted.T, measured.T, strict=True)])
    return np.array(out)


def choose(features, y, folds, outer, smallest=1e-49, largest=1e50, scores=None):
    entries = [(alpha, name) for alpha in ALPHAS for name in features]
    if scores is None:
        scores = [inner_score(features[name], y, folds, outer, alpha) for alpha, name in entries]
    scores = list(scores)
    lo, hi = ALPHAS[0], ALPHAS[-1]
    while True:
        best = max(range(len(scores)), key=lambda i: (scores[i], -i))
        alpha, name = entries[best]
        if alpha == lo and alpha / 2 >= smallest:
            lo = alpha = alpha / 2
        elif alpha == hi and alpha * 2 <= largest:
            hi = alpha = alpha * 2
        else:
            return alpha, name
        entries.append((alpha, name))
        scores.append(inner_score(features[name], y, folds, outer, alpha))


def nested_ridge(features, y, folds, scores=None):
    """r2, chosen layers, chosen alphas, predictions of one target.

    ``scores`` may be its `grid_scores` of every outer fold, where they are known.
    """
    predictions = np.empty(len(y))
    chosen = []
    for outer in sorted(set(folds)):
        known = None if scores is None else scores[outer]
        alpha, name = choose(features, y, folds, outer, scores=known)
        test = folds == outer
        predictions[test] = predict(features[name][~test], y[~test], features[name][test], alpha)
        chosen.append((name, alpha))
    layers, alphas = zip(*chosen, strict=True)
    return r2_or_zero(predictions, y), list(layers), list(alphas), predictions
