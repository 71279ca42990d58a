from __future__ import annotations

import numpy as np
import pytest

from heschl.errors import InputError, UsageError
from heschl.stats import (
    bootstrap_listeners,
    bootstrap_mean,
    bootstrap_r2,
    median_over_groups,
    over_listeners,
    resamples,
)

N = 40


def targets():
    """Predictions and responses that meet every branch; what each target is for."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(N)
    noise = rng.standard_normal((8, N))
    spike = np.eye(N)[3]
    pairs = {
        "moderate": (x, x + noise[0]),
        "negative": (x, noise[1] - x),
        "almost one": (x, x + 1e-4 * noise[2]),
        "far off": (x + 300, 1e4 * x + 1e6 + 1e4 * noise[3]),
        "tiny": (1e-9 * x, 1e-12 * (x + noise[4])),
        "one outlier": (x + 1e4 * spike, x + noise[5] + 2e4 * spike),
        "spike in the prediction": (1e-3 * x + 1e4 * spike, x + noise[6]),
    }
    return {name: (np.array(p), np.array(z)) for name, (p, z) in pairs.items()}


def columns(pairs):
    p, z = zip(*pairs.values(), strict=True)
    return np.stack(p, axis=1), np.stack(z, axis=1)


def by_index(p, z, drawn):
    """Pearson's r of sounds that are repeated as often as they were drawn."""
    index = np.repeat(np.arange(len(p)), drawn)
    return np.corrcoef(p[index], z[index])[0, 1]


def test_resamples_are_reproducible_draws():
    counts = resamples(N, 500, seed=3)
    assert counts.shape == (500, N)
    assert np.issubdtype(counts.dtype, np.integer)
    assert (counts.sum(axis=1) == N).all()
    np.testing.assert_array_equal(counts, resamples(N, 500, seed=3))
    assert (counts != resamples(N, 500, seed=4)).any()
    # a count is binomial: mean 1, variance 1 - 1/n, each known to five standard errors
    assert counts.mean() == 1
    assert counts.var() == pytest.approx(1 - 1 / N, abs=5 * np.sqrt(3 / counts.size))


def test_weighted_correlations_equal_indexing():
    pairs = targets()
    p, z = columns(pairs)
    counts = resamples(N, 300, seed=1)
    assert (counts[:, 3] == 0).any(), "the outlier is not drawn now and then"
    found = bootstrap_r2(p, z, counts)
    for i, (name, (one, other)) in enumerate(pairs.items()):
        expected = np.array([by_index(one, other, drawn) for drawn in counts])
        np.testing.assert_allclose(found.r[:, i], expected, rtol=0, atol=1e-12, err_msg=name)
        r2 = np.where(expected < 0, 0, expected**2)
        np.testing.assert_allclose(found.r2[:, i], r2, rtol=0, atol=1e-12, err_msg=name)


def test_undefined_counts_as_zero_and_missing_stays_missing():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(N)
    spike = np.eye(N)[3]
    gap = np.where(np.arange(N) == 5, np.nan, x)
    p = np.stack([np.full(N, 0.1), x, spike + 0.3, x, gap, x, 0.1 + 1e-16 * x], axis=1)
    z = np.stack([x, np.full(N, 0.1), x, spike / 3 + 0.1, x, gap, x], axis=1)
    counts = resamples(N, 100, seed=1)
    found = bootstrap_r2(p, z, counts)
    assert (found.r[:, [0, 1, 6]] == 0).all()
    absent = counts[:, 3] == 0
    assert (found.r[absent][:, [2, 3]] == 0).all()
    assert (found.r[~absent][:, [2, 3]] != 0).all()
    assert np.isnan(found.r[:, [4, 5]]).all()
    assert np.isnan(found.r2[:, [4, 5]]).all()


def test_a_sound_that_is_drawn_alone_has_no_correlation():
    counts = np.zeros((1, N), int)
    counts[0, 7] = N
    p, z = columns(targets())
    assert (bootstrap_r2(p, z, counts).r == 0).all()


def many(n_targets=700, n_sounds=N):
    rng = np.random.default_rng(5)
    p = rng.standard_normal((n_sounds, n_targets))
    z = 0.4 * p + rng.standard_normal((n_sounds, n_targets))
    z[2, 10] = np.nan
    listeners = np.array(["b", "a", "c"])[rng.integers(0, 3, n_targets)]
    return p, z, listeners


def test_blocks_change_rounding_only_and_threads_nothing():
    p, z, listeners = many()
    counts = resamples(N, 150, seed=2)
    one = bootstrap_r2(p, z, counts, n_jobs=1).r
    np.testing.assert_array_equal(bootstrap_r2(p, z, counts, n_jobs=3).r, one)
    np.testing.assert_allclose(bootstrap_r2(p, z, counts, block_size=13).r, one, rtol=0, atol=1e-13)
    by_listener = bootstrap_listeners(p, z, listeners, counts, n_jobs=1)
    np.testing.assert_array_equal(
        bootstrap_listeners(p, z, listeners, counts, n_jobs=3), by_listener
    )
    np.testing.assert_allclose(
        bootstrap_listeners(p, z, listeners, counts, block_size=7), by_listener, rtol=0, atol=1e-13
    )


def test_listeners_medians_are_those_of_every_sample():
    p, z, listeners = many()
    counts = resamples(N, 150, seed=2)
    z[0, listeners == "c"] = np.nan
    found = bootstrap_listeners(p, z, listeners, counts)
    samples = bootstrap_r2(p, z, counts).r2
    assert found.shape == (150, 3)
    for row, values in zip(found, samples, strict=True):
        expected = over_listeners(values, listeners)
        np.testing.assert_allclose(row, expected.values, rtol=0, atol=1e-13)
        assert np.isnan(row[expected.listeners.index("c")])


def test_medians_over_groups_equal_a_loop():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((4, 5, 60))
    values[rng.random(values.shape) < 0.2] = np.nan
    groups = np.array(["q", "none", "p", "one"])[rng.integers(0, 3, 60)]
    groups[17] = "one"
    values[..., groups == "none"] = np.nan
    found = median_over_groups(values, groups)
    names = list(dict.fromkeys(groups))
    assert found.shape == (4, 5, 4)
    for at in np.ndindex(4, 5):
        for k, name in enumerate(names):
            mine = values[at][(groups == name) & ~np.isnan(values[at])]
            expected = np.median(mine) if mine.size else np.nan
            np.testing.assert_equal(found[at][k], expected)


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_median_of_even_and_odd_numbers(n):
    values = np.random.default_rng(n).standard_normal((3, n))
    before = values.copy()
    found = median_over_groups(values, np.zeros(n, int))
    np.testing.assert_array_equal(found[:, 0], np.median(values, axis=1))
    np.testing.assert_array_equal(values, before)


def test_mean_over_listeners_at_three_levels():
    rng = np.random.default_rng(0)
    values = rng.random((50, 4))
    values[:, 1] = np.nan  # no voxels
    counts = resamples(4, 50, seed=1)
    counts[0] = [0, 4, 0, 0]
    by_sounds = bootstrap_mean(values)
    by_listeners = bootstrap_mean(values[0], counts)
    by_both = bootstrap_mean(values, counts)
    assert np.isnan(by_listeners[0])
    assert np.isnan(by_both[0])
    for i in range(1, 50):
        drawn = np.repeat(np.arange(4), counts[i])
        assert by_sounds[i] == pytest.approx(np.nanmean(values[i]), abs=1e-14)
        assert by_listeners[i] == pytest.approx(np.nanmean(values[0][drawn]), abs=1e-14)
        assert by_both[i] == pytest.approx(np.nanmean(values[i][drawn]), abs=1e-14)
    assert bootstrap_mean(np.array([1.0, np.nan, 3.0])).tolist() == [2.0]


COUNTS = np.ones((2, N), int)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predicted": np.ones((N, 2))}, r"shape \(40, 2\) and responses of shape \(40, 3\)"),
        ({"measured": np.full((N, 3), np.inf)}, "infinite"),
        ({"counts": COUNTS[:, 1:]}, r"counts of shape \(2, 39\); expected \(n_samples, 40\)"),
        ({"counts": COUNTS[:0]}, r"counts of shape \(0, 40\)"),
        ({"counts": COUNTS - 2}, "the smallest -1"),
        ({"counts": COUNTS * 1.0}, "counts of type float64"),
        ({"counts": COUNTS * [[1], [0]]}, "row 1 of the counts is all 0"),
    ],
)
def test_bad_input_is_refused(change, message):
    good = {"predicted": np.ones((N, 3)), "measured": np.ones((N, 3)), "counts": COUNTS}
    with pytest.raises(InputError, match=message):
        bootstrap_r2(**(good | change))
    with pytest.raises(InputError, match=message):
        bootstrap_listeners(**(good | change), listeners=np.zeros(3))


def test_other_refusals():
    p = np.ones((N, 3))
    with pytest.raises(UsageError, match="block_size is 0"):
        bootstrap_r2(p, p, COUNTS, block_size=0)
    with pytest.raises(InputError, match=r"groups have shape \(2,\) beside 3 targets"):
        bootstrap_listeners(p, p, np.zeros(2), COUNTS)
    with pytest.raises(InputError, match=r"groups have shape \(4,\) beside 3 targets"):
        median_over_groups(p, np.zeros(4))
    with pytest.raises(UsageError, match="n_units is 0"):
        resamples(0, 3, seed=0)
    with pytest.raises(UsageError, match="n_samples is 0"):
        resamples(3, 0, seed=0)
    with pytest.raises(InputError, match=r"values of shape \(2, 0\)"):
        bootstrap_mean(np.ones((2, 0)))
    with pytest.raises(InputError, match="3 resamples of sounds and 2 of listeners"):
        bootstrap_mean(np.ones((3, N)), COUNTS)
