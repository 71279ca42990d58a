"""Split-half reliability, the classic estimate, to compare the ceilings with."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from heschl.encode.ceilings import checked_responses, one_repetition, spearman_brown
from heschl.errors import InputError, UsageError

FloatArray = NDArray[np.float64]


def split_half_reliability(
    responses: NDArray[np.floating], *, n_splits: int = 100, seed: int = 0
) -> FloatArray:
    """Reliability of the mean over all repetitions by the classic way, for comparison.

    The repetitions are divided into two halves of n_repeats // 2 (one is left out of an odd
    number), the means of the halves correlated, the correlations averaged over divisions, and
    extrapolated to n_repeats by `spearman_brown`. Slightly biased, unlike `reliability`.

    Parameters
    ----------
    responses : ndarray, shape (n_sounds, n_targets, n_repeats)
    n_splits : int, optional
        With no more possible divisions than this all are used, otherwise as many drawn at random.
    seed : int, optional

    Returns
    -------
    ndarray, shape (n_targets,)
        nan where a repetition is missing or half of them do not vary.

    Raises
    ------
    InputError
        If there is one repetition only, and as `reliability` does.
    UsageError
        If ``n_splits`` is below 1.
    """
    y = checked_responses(responses)
    n = y.shape[2]
    if n == 1:
        raise InputError(f"{one_repetition()}; expected at least two repetitions")
    if n_splits < 1:
        raise UsageError(f"n_splits is {n_splits}; expected a whole number of at least 1")
    r = [
        _pearson(y[:, :, first].mean(axis=2), y[:, :, second].mean(axis=2))
        for first, second in _halves(n, n_splits, seed)
    ]
    return spearman_brown(np.mean(r, axis=0), n / (n // 2))


def _halves(n: int, n_splits: int, seed: int) -> Iterator[tuple[list[int], list[int]]]:
    half = n // 2
    if math.comb(n, half) * math.comb(n - half, half) // 2 <= n_splits:
        for first in itertools.combinations(range(n), half):
            others = [k for k in range(n) if k not in first]
            for second in itertools.combinations(others, half):
                if first < second:  # each division once
                    yield list(first), list(second)
        return
    rng = np.random.default_rng(seed)
    for _ in range(n_splits):
        order = rng.permutation(n).tolist()
        yield order[:half], order[half : 2 * half]


def _pearson(first: FloatArray, second: FloatArray) -> FloatArray:
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    # the root of each: the product of two squares overflows, or vanishes, far sooner
    norm = np.sqrt(np.einsum("st,st->t", a, a)) * np.sqrt(np.einsum("st,st->t", b, b))
    varies = (np.ptp(first, axis=0) > 0) & (np.ptp(second, axis=0) > 0) & (norm > 0)
    out = np.full(norm.shape, np.nan)
    return np.asarray(np.divide(np.einsum("st,st->t", a, b), norm, out=out, where=varies))
