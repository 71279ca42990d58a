"""P values: solved cases, other implementations, and how often they are small by chance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from heschl.errors import InputError, UsageError
from heschl.stats import (
    bootstrap_mean,
    bootstrap_r2,
    fdr,
    interval,
    p_value,
    paired_difference,
    resamples,
    sign_flip_test,
)

# ---- null distributions -------------------------------------------------------------------------


def test_p_by_hand():
    null = np.array([[0.1, 0.0, np.nan], [0.2, 0.0, 0.1], [0.3, 0.0, 0.1], [0.4, 0.5, 0.1]])
    found = p_value(np.array([0.3, 0.0, 0.2]), null)
    np.testing.assert_array_equal(found, [3 / 5, 1.0, np.nan])
    assert np.isnan(p_value(np.nan, null[:, 0]))
    assert p_value(9.0, null[:, 0]) == 1 / 5


def test_p_is_uniform_under_the_null():
    """Of 19 draws and one more, each is equally likely to be the highest, and so on."""
    draws = np.random.default_rng(0).standard_normal((20, 4000))
    p = p_value(draws[0], draws[1:])
    seen = np.bincount(np.rint(p * 20).astype(int), minlength=21)[1:]
    assert scipy.stats.chisquare(seen).pvalue > 0.01


def test_p_refuses_other_shapes():
    for null in (np.zeros((5, 3)), np.zeros((0, 2)), 0.3):
        with pytest.raises(InputError, match=r"for a value of shape \(2,\)"):
            p_value(np.zeros(2), null)


# ---- many targets -------------------------------------------------------------------------------


def naive_fdr(p):
    """Each p times the number of tests over its rank, no larger than that of any higher one."""
    m = len(p)
    order = sorted(range(m), key=lambda i: p[i])
    out, lowest = [0.0] * m, 1.0
    for rank in range(m, 0, -1):
        i = order[rank - 1]
        lowest = min(lowest, p[i] * m / rank)
        out[i] = lowest
    return out


def test_fdr_equals_the_naive_implementation():
    rng = np.random.default_rng(0)
    p = rng.random(50) ** 2
    p[[3, 30]] = p[7]  # ties
    p[[5, 17]] = np.nan
    p[9] = 1.0
    known = ~np.isnan(p)
    found = fdr(p)
    np.testing.assert_allclose(found[known], naive_fdr(list(p[known])), rtol=1e-13)
    assert np.isnan(found[~known]).all()
    np.testing.assert_array_equal(fdr(p.reshape(5, 10)), found.reshape(5, 10))
    assert np.isnan(fdr(np.full(3, np.nan))).all()
    assert fdr(np.empty(0)).shape == (0,)


def test_fdr_controls_the_share_of_false_discoveries():
    """90 of 100 tests are null: the expected share is 0.9 q for independent tests."""
    rng = np.random.default_rng(1)
    share = []
    for _ in range(1000):
        p = scipy.stats.norm.sf(np.where(np.arange(100) < 90, 0, 3) + rng.standard_normal(100))
        found = fdr(p) <= 0.1
        share.append(found[:90].sum() / max(found.sum(), 1))
    error = 3 * np.std(share) / np.sqrt(len(share))
    assert np.mean(share) == pytest.approx(0.09, abs=error)


@pytest.mark.parametrize("value", [-0.1, 1.5, np.inf])
def test_fdr_refuses_what_is_no_p(value):
    with pytest.raises(InputError, match=f"a p value is {value}"):
        fdr(np.array([0.1, value, np.nan]))


# ---- signs --------------------------------------------------------------------------------------


def brute_force(d):
    """Share of all patterns of signs with a mean at least as far from 0, in exact fractions."""
    from fractions import Fraction

    exact = [Fraction(x) for x in d]
    observed = abs(sum(exact))
    signs = itertools.product((1, -1), repeat=len(d))
    hits = [abs(sum(s * x for s, x in zip(row, exact, strict=True))) >= observed for row in signs]
    return sum(hits) / len(hits)


@pytest.mark.parametrize("n", [3, 5, 8, 10])
def test_sign_flips_equal_brute_force(n):
    rng = np.random.default_rng(n)
    for shift in (0, 0.5, 3):
        d = rng.standard_normal(n) + shift
        found = sign_flip_test(np.append(d, np.nan))
        assert found.p == pytest.approx(brute_force(d), abs=1e-15)
        assert (found.n_listeners, found.n_patterns, found.exact) == (n, 2**n, True)
        assert found.mean == pytest.approx(d.mean())


def test_sign_flips_equal_scipy():
    d = np.random.default_rng(0).standard_normal(9) + 0.6
    expected = scipy.stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_test(d).p == pytest.approx(expected.pvalue, abs=1e-12)


def test_ties_up_to_rounding_are_ties():
    """0.1 + 0.2 - 0.3 is not 0 in floating point, but these signs are as extreme as their flip."""
    assert sign_flip_test(np.array([0.1, 0.2, -0.3])).p == 1
    assert sign_flip_test(np.zeros(4)).p == 1
    assert sign_flip_test(np.full(8, 0.1)).p == 2 / 256


def test_random_patterns_for_many_listeners():
    d = np.random.default_rng(0).standard_normal(20) + 0.5
    found = sign_flip_test(d, n_permutations=4000, seed=1)
    assert (found.exact, found.n_patterns) == (False, 4000)
    assert found == sign_flip_test(d, n_permutations=4000, seed=1)
    sums = np.zeros(1)
    for x in d:
        sums = np.concatenate([sums + x, sums - x])  # all 2**20 patterns
    exact = (np.abs(sums) >= abs(d.sum()) - 1e-12).mean()
    assert found.p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000))
    assert sign_flip_test(np.ones(20), n_permutations=99, seed=1).p == 1 / 100


def test_sign_flips_are_uniform_under_the_null():
    d = np.random.default_rng(0).standard_normal((1000, 7))
    p = np.array([sign_flip_test(one).p for one in d])
    seen = np.bincount(np.rint(p * 64).astype(int), minlength=65)[1:]
    assert scipy.stats.chisquare(seen).pvalue > 0.01


def test_sign_flip_refusals():
    with pytest.raises(InputError, match="differences of 2 listeners"):
        sign_flip_test(np.array([1.0, np.nan, 2.0]))
    with pytest.raises(InputError, match=r"shape \(2, 3\)"):
        sign_flip_test(np.ones((2, 3)))
    with pytest.raises(InputError, match="finite"):
        sign_flip_test(np.array([1.0, np.inf, 2.0]))
    with pytest.raises(UsageError, match="n_permutations is 0"):
        sign_flip_test(np.ones(20), n_permutations=0)


# ---- two models ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_units", "n_samples"), [(8, 1000), (4, 1000), (8, 50)])
def test_identical_models_do_not_differ(n_units, n_samples):
    samples = np.random.default_rng(0).random((n_samples, 3))
    estimate = samples[0]
    found = paired_difference(samples, samples, estimate, estimate, n_units)
    for exactly in (found.estimate, found.interval.low, found.interval.high):
        np.testing.assert_array_equal(exactly, 0)
    np.testing.assert_array_equal(found.p, 1)


def test_the_difference_is_paired():
    """Models that vary together: the difference is known far better than either score."""
    rng = np.random.default_rng(0)
    common = rng.standard_normal(2000)
    a = 0.5 + common + 0.01 * rng.standard_normal(2000)
    b = 0.4 + common
    found = paired_difference(a, b, 0.5, 0.4, 20)
    assert found.estimate == pytest.approx(0.1)
    one = interval(a - b, 0.5 - 0.4, 20)
    assert (found.interval.low, found.interval.high) == (one.low, one.high)
    assert found.interval.low > 0
    assert found.p < 0.01
    other = paired_difference(b, a, 0.4, 0.5, 20)
    assert other.p == found.p
    assert other.estimate == -found.estimate


def test_p_for_many_units_is_twice_the_share_beyond_zero():
    samples = np.random.default_rng(0).standard_normal(1000) + 1.5
    found = paired_difference(samples, np.zeros(1000), samples.mean(), 0.0, 100_000)
    assert found.p == pytest.approx(2 * (1 + (samples <= 0).sum()) / 1001, rel=1e-3)


@pytest.mark.parametrize("n_listeners", [6, 8, 20])
def test_p_of_a_normal_bootstrap_distribution_is_that_of_the_t_test(n_listeners):
    """With the spread sd / sqrt(n), sd with n in the denominator, that a bootstrap has."""
    grid = scipy.stats.norm.ppf(np.arange(1, 100_000) / 100_000)
    for shift in (0.0, 0.4, 1.0):  # up to t of 1 to 2: so many samples tell such tails apart
        d = np.linspace(-1, 1, n_listeners) / np.sqrt(n_listeners / 6) + shift / np.sqrt(
            n_listeners
        )
        samples = d.mean() + d.std() / np.sqrt(n_listeners) * grid
        found = paired_difference(samples, 0 * samples, d.mean(), 0.0, n_listeners)
        assert found.p == pytest.approx(scipy.stats.ttest_1samp(d, 0).pvalue, abs=1e-4)


def test_p_of_four_listeners_is_that_of_the_t_test():
    """All 4**4 resamples, each as often as it comes up."""
    draws = np.array(list(itertools.product(range(4), repeat=4)))
    d = np.array([0.3, -0.1, 0.2, 0.4])
    found = paired_difference(d[draws].mean(axis=1), np.zeros(256), d.mean(), 0.0, 4)
    assert found.p == pytest.approx(scipy.stats.ttest_1samp(d, 0).pvalue, rel=1e-12)


def test_difference_without_spread():
    found = paired_difference(np.full(99, 0.3), np.full(99, 0.1), 0.3, 0.1, 4)
    assert found.interval.low == pytest.approx(0.2)
    assert 0 < found.p < 1


@pytest.mark.parametrize("n_listeners", [4, 8])
def test_listeners_p_is_small_as_often_as_it_should_be(n_listeners):
    rng = np.random.default_rng(n_listeners)
    d = rng.standard_normal((1000, n_listeners))
    counts = resamples(n_listeners, 1000, 4)
    samples = np.stack([bootstrap_mean(one, counts) for one in d], axis=1)
    found = paired_difference(samples, 0 * samples, d.mean(axis=1), np.zeros(1000), n_listeners)
    error = 3 * np.sqrt(0.05 * 0.95 / 1000)
    assert (found.p <= 0.05).mean() == pytest.approx(0.05, abs=error)
    agree = (found.p < 0.05) == ((found.interval.low > 0) | (found.interval.high < 0))
    assert agree.mean() > 0.99  # p has the resolution of the samples


def test_sounds_p_of_two_equally_good_models_is_uniform():
    """Both predict with r = 0.5; they share part of what they predict."""
    rng = np.random.default_rng(0)
    shape = (165, 1000)
    signal, noise_a, noise_b = rng.standard_normal((3, *shape))
    common = rng.standard_normal(shape)
    z = signal + rng.standard_normal(shape)
    a, b = (signal + 0.7 * common + np.sqrt(0.51) * x for x in (noise_a, noise_b))
    counts, once = resamples(165, 500, 1), np.ones((1, 165), int)
    (sa, ea), (sb, eb) = (
        (bootstrap_r2(p, z, counts).r2, bootstrap_r2(p, z, once).r2[0]) for p in (a, b)
    )
    found = paired_difference(sa, sb, ea, eb, 165, kind="sounds")
    assert scipy.stats.kstest(found.p, "uniform").pvalue > 0.01
    error = 3 * np.sqrt(0.05 * 0.95 / 1000)
    assert (found.p <= 0.05).mean() == pytest.approx(0.05, abs=error)


def test_missing_values_of_either_model():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 600, 3))
    a[:, 0], b[3, 1] = np.nan, np.nan
    found = paired_difference(a, b, np.full(3, 0.6), np.full(3, 0.5), 20)
    assert np.isnan(found.p).tolist() == [True, False, False]
    rest = np.arange(600) != 3
    one = paired_difference(a[rest, 1], b[rest, 1], 0.6, 0.5, 20)
    assert found.p[1] == pytest.approx(one.p, rel=1e-12)
    assert found.interval.low[1] == pytest.approx(one.interval.low, rel=1e-12)


def test_paired_refusals():
    a = np.zeros((500, 2))
    with pytest.raises(InputError, match="same resamples of both models"):
        paired_difference(a, a[1:], np.zeros(2), np.zeros(2), 8)
    with pytest.raises(InputError, match="2 listeners: how much"):
        paired_difference(a, a, np.zeros(2), np.zeros(2), 2)
