"""The null distribution of nested ridge regression."""

from __future__ import annotations

import numpy as np
import pytest

from heschl.encode import nested_ridge
from heschl.encode.permutation import permutation_null
from heschl.errors import InputError, UnknownNameError, UsageError
from heschl.stats import bootstrap_mean, median_over_groups, p_value

N = 45
FOLDS = np.random.default_rng(7).permutation(np.arange(N) % 4)


def problem(n_targets=7):
    """Two layers; every second target is predicted by one of them."""
    rng = np.random.default_rng(0)
    features = {"a": rng.standard_normal((N, 60)), "b": 3 * rng.standard_normal((N, 8))}
    signal = features["b"] @ rng.standard_normal((8, n_targets))
    y = rng.standard_normal((N, n_targets))
    y[:, ::2] += 0.2 * signal[:, ::2]
    return features, y


def test_equals_a_loop_over_permuted_responses():
    features, y = problem()
    y[3, 2] = np.nan
    y[:, 4] = 0.7
    found = permutation_null(features, y, FOLDS, n_permutations=6, seed=5)
    rng = np.random.default_rng(5)
    expected = []
    for _ in range(6):
        order = rng.permutation(N)
        permuted = y[order]
        permuted[:, 2] = np.nan  # left out wherever its nan went
        expected.append(nested_ridge(features, permuted, FOLDS).r2)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert found.shape == (6, 7)
    assert np.isnan(found[:, 2]).all()
    assert (found[:, 4] == 0).all()
    assert (found[:, 5] > 0).any()


def test_layer_and_penalty_are_chosen_again():
    """With more layers to choose from, chance reaches another height."""
    features, y = problem()
    both = permutation_null(features, y, FOLDS, n_permutations=10, seed=1)
    alone = [
        permutation_null({name: x}, y, FOLDS, n_permutations=10, seed=1)
        for name, x in features.items()
    ]
    assert (np.abs(both - alone[0]) > 1e-3).any()
    assert (np.abs(both - alone[1]) > 1e-3).any()


def test_signal_is_told_from_noise():
    features, y = problem()
    null = permutation_null(features, y, FOLDS, n_permutations=99, seed=0)
    observed = nested_ridge(features, y, FOLDS).r2
    p = p_value(observed, null)
    assert (p[::2] == 0.01).all()
    assert (p[1::2] > 0.05).all()


def test_mean_over_listeners_has_a_null_of_its_own():
    """All targets share the permutations, so medians and means can be taken in each of them."""
    features, y = problem(n_targets=8)
    listeners = np.array(list("aabbaabb"))
    null = permutation_null(features, y, FOLDS, n_permutations=99, seed=0)
    score = bootstrap_mean(median_over_groups(nested_ridge(features, y, FOLDS).r2, listeners))
    scores = bootstrap_mean(median_over_groups(null, listeners))
    assert scores.shape == (99,)
    assert p_value(score[0], scores) == 0.01


def test_noise_is_significant_as_often_as_it_should_be():
    rng = np.random.default_rng(1)
    features = {"a": rng.standard_normal((N, 5)), "b": rng.standard_normal((N, 3))}
    y = rng.standard_normal((N, 400))
    null = permutation_null(features, y, FOLDS, n_permutations=19, seed=2)
    p = p_value(nested_ridge(features, y, FOLDS).r2, null)
    # ties at r2 = 0 all count as at least as high, so small p are exact: 1/20, 2/20, ...
    for level in (0.05, 0.1, 0.2):
        error = 3 * np.sqrt(level * (1 - level) / 400)
        assert (p <= level + 1e-9).mean() == pytest.approx(level, abs=error)


def test_blocks_change_rounding_only_and_threads_nothing():
    features, y = problem()
    one = permutation_null(features, y, FOLDS, n_permutations=5, seed=0, n_jobs=1)
    several = permutation_null(features, y, FOLDS, n_permutations=5, seed=0, n_jobs=3)
    np.testing.assert_array_equal(several, one)
    blocks = permutation_null(features, y, FOLDS, n_permutations=5, seed=0, block_size=4)
    np.testing.assert_allclose(blocks, one, rtol=0, atol=1e-9)
    other = permutation_null(features, y, FOLDS, n_permutations=5, seed=1)
    assert (other != one).any()


def test_all_targets_incomplete():
    features, y = problem()
    null = permutation_null(features, 0 * y + np.nan, FOLDS, n_permutations=3, seed=0)
    assert null.shape == (3, 7)
    assert np.isnan(null).all()


def test_refusals():
    features, y = problem()
    with pytest.raises(UsageError, match="n_permutations is 0"):
        permutation_null(features, y, FOLDS, n_permutations=0, seed=0)
    with pytest.raises(UsageError, match="block_size is 0"):
        permutation_null(features, y, FOLDS, n_permutations=1, seed=0, block_size=0)
    with pytest.raises(InputError, match="folds have shape"):
        permutation_null(features, y, FOLDS[1:], n_permutations=1, seed=0)
    with pytest.raises(UnknownNameError, match="pepino2025"):
        permutation_null(features, y, FOLDS, n_permutations=1, seed=0, protocol="pepino25")
