"""Scores of one layer on one split of the sounds, for many targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heschl.encode.leave_one_out import LeaveOneOut
from heschl.encode.protocols import CorrectedRidgeProtocol
from heschl.encode.ridge import Fit

FloatArray = NDArray[np.float64]

#: Targets whose errors are computed at a time: what they need fits the cache of a core.
TILE = 512
#: Predictions that vary by less than this share of the responses are constant up to rounding.
FLAT = 1e-14
_PAIRS = ((0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class SplitScores:
    """Of one layer and split, each (n_targets,); see `heschl.encode.corrected.CorrectedRidge`."""

    r: FloatArray
    alpha: FloatArray
    constant: NDArray[np.bool_]
    agreement: FloatArray


def score_split(one: Fit, part: FloatArray, protocol: CorrectedRidgeProtocol) -> SplitScores:
    """Score one layer on one split; ``part`` is (n_sounds, 3, n_targets)."""
    errors = LeaveOneOut(one, protocol.alphas)
    n_targets = part.shape[2]
    r, alpha, agreement = np.empty(n_targets), np.empty(n_targets), np.empty(n_targets)
    constant = np.empty(n_targets, bool)
    for start in range(0, n_targets, TILE):
        tile = slice(start, start + TILE)
        train, test = part[one.train, :, tile], part[one.held_out, :, tile]
        train = train - train.mean(axis=0)
        alphas = errors.alphas[errors.best(train)]
        with_mean = np.concatenate([train, train.mean(axis=1, keepdims=True)], axis=1)
        predicted = _predict(one, with_mean, alphas)
        spread = np.sqrt(np.einsum("skt,skt->kt", with_mean, with_mean) / len(train))
        flat = np.ptp(predicted, axis=0) <= FLAT * spread
        agreement[tile] = median_agreement(np.where(flat[:-1], 0.0, predicted[:, :-1]))
        alpha[tile], constant[tile] = alphas[-1], flat[-1]
        measured = test.mean(axis=1)
        defined = np.nan_to_num(_correlation(predicted[:, -1], measured))
        r[tile] = np.where(flat[-1], 0.0, defined)
    return SplitScores(r, alpha, constant, agreement)


def _predict(one: Fit, train: FloatArray, alphas: FloatArray) -> FloatArray:
    """Predict held-out sounds, the training mean left out: (n_held_out, n_fits, n_targets)."""
    n_train = len(train)
    rotated = one.left.T @ train.reshape(n_train, -1)
    rotated *= one.shrink(alphas.reshape(-1, 1)).T
    return np.asarray((one.projected @ rotated).reshape(-1, *train.shape[1:]))


def _correlation(first: FloatArray, second: FloatArray) -> FloatArray:
    """Pearson's r over the first axis; nan where either does not vary."""
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    # the root of each: the product of two squares overflows, or vanishes, far sooner
    norm = np.sqrt(np.einsum("s...,s...->...", a, a)) * np.sqrt(np.einsum("s...,s...->...", b, b))
    varies = (np.ptp(first, axis=0) > 0) & (np.ptp(second, axis=0) > 0) & (norm > 0)
    r = np.full(norm.shape, np.nan)
    np.divide(np.einsum("s...,s...->...", a, b), norm, out=r, where=varies)
    return r


def median_agreement(values: FloatArray) -> FloatArray:
    """Median of the pairwise correlations of three repetitions, (n_sounds, 3, n_targets).

    Undefined ones are left out; nan where all are.
    """
    pairs = np.array([_correlation(values[:, i], values[:, j]) for i, j in _PAIRS])
    n_known = (~np.isnan(pairs)).sum(axis=0)
    low, middle, _ = np.sort(pairs, axis=0)  # nan last
    return np.asarray(np.choose(n_known, [np.nan, low, (low + middle) / 2, middle]))
