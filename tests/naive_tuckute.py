"""Protocol tuckute2023 a second time, as plainly as possible: one voxel, one layer, one split and
one scikit-learn fit at a time."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.linear_model import RidgeCV

ALPHAS = [10.0**power for power in range(49, -51, -1)]


def splits(n_sounds=165, n_train=83, n_test=82, n_splits=10):
    legacy = np.random.RandomState(0)
    out = []
    for _ in range(n_splits):
        train = legacy.choice(np.arange(n_sounds), size=n_train, replace=False)
        rest = list(set(range(n_sounds)) - set(train.tolist()))
        out.append((train, legacy.choice(sorted(rest), size=n_test, replace=False)))
    return out


def correlation(a, b):
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return np.corrcoef(a, b)[0, 1]


def fit(x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of division by nothing, at the smallest penalties
        return RidgeCV(alphas=ALPHAS, fit_intercept=True).fit(x, y)


def agreement(three):
    pairs = [correlation(three[i], three[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    known = [r for r in pairs if not np.isnan(r)]
    return np.median(known) if known else np.nan


def reliability(median, floor):
    return floor if np.isnan(median) else max(3 * median / (1 + 2 * median), floor)


def score(x, y, train, test):
    """One voxel: x (n_sounds, n_features), y (n_sounds, 3). Corrected r2, r, and the penalties
    of the fits to the mean and to each repetition."""
    model = fit(x[train], y[train].mean(axis=1))
    r = np.nan_to_num(correlation(model.predict(x[test]), y[test].mean(axis=1)))
    single_models = [fit(x[train], y[train, k]) for k in range(3)]
    single = [one.predict(x[test]) for one in single_models]
    rv = reliability(agreement(y[train].T), 0.182)
    rv_hat = reliability(agreement(single), 0.183)
    alphas = [model.alpha_, *(one.alpha_ for one in single_models)]
    return max(r, 0) ** 2 / (rv * rv_hat), r, alphas
