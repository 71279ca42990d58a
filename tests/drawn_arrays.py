"""Arrays for property tests: degenerate in all ways, of several types, anywhere in memory."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)
#: Sizes of numbers whose squares neither overflow nor vanish.
SCALES = st.sampled_from((1e-140, 1e-80, 1e-3, 1.0, 1e3, 1e80, 1e140))
#: Numbers with what breaks sums: zeros, equals, far apart, next to each other.
AWKWARD = st.sampled_from((0.0, 1.0, -1.0, 1 + 2**-52, 1e-150, -1e-150, 1e150, -1e150, 1e-8, 3.0))
LAYOUTS = ("as it is", "by columns", "every other", "backwards", "read-only")


def drawn(seed, *shape):
    """Standard normal values."""
    return np.random.default_rng(seed).standard_normal(shape)


def laid_out(x, layout):
    """The same values elsewhere in memory."""
    if layout == "by columns":
        return np.asfortranarray(x)
    if layout == "every other":
        wide = np.full((2 * x.shape[0], *x.shape[1:]), np.nan, np.result_type(x, np.float32))
        wide[::2] = x
        return wide[::2]
    if layout == "backwards":
        return np.ascontiguousarray(x[::-1])[::-1]
    x = x.copy()
    x.flags.writeable = layout != "read-only"
    return x


@st.composite
def features(draw, n_sounds, most=18):
    """(n_sounds, n_features): fewer or more columns than rows; some constant, equal or sums."""
    n = draw(st.integers(1, most))
    x = drawn(draw(SEEDS), n_sounds, n) + draw(st.sampled_from((0.0, 10.0)))
    for column in range(1, n):
        kind = draw(st.sampled_from(("free", "free", "free", "constant", "equal", "sum")))
        if kind == "constant":
            x[:, column] = 0.1
        elif kind == "equal":
            x[:, column] = x[:, column - 1]
        elif kind == "sum":
            x[:, column] = x[:, :column].sum(axis=1)
    return x


@st.composite
def folds(draw, n_sounds, fewest=3, most=5):
    """Labels 0 to k - 1, each of two sounds or more, in any order."""
    k = draw(st.integers(fewest, min(most, n_sounds // 2)))
    rest = np.arange(n_sounds - 2 * k) % draw(st.integers(1, k))
    labels = np.concatenate([np.arange(k), np.arange(k), rest])
    return np.random.default_rng(draw(SEEDS)).permutation(labels)
