"""Intervals against solved cases, and how often they hold the true value in simulations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from heschl.errors import InputError, UsageError
from heschl.stats import bootstrap_mean, bootstrap_r2, interval, resamples, why_not
from heschl.stats.intervals import PERCENTILE, STUDENT

N_DATASETS = 1000
#: Three standard errors of a share of 0.95 among so many datasets.
ERROR = 3 * np.sqrt(0.95 * 0.05 / N_DATASETS)
N_SOUNDS = 165


def coverage(found, truth):
    return float(((found.low <= truth) & (truth <= found.high)).mean())


def expanded_percentiles(samples, n_units):
    """Hesterberg's interval as it stands, bias or not."""
    reach = np.sqrt(n_units / (n_units - 1)) * scipy.stats.t.ppf(0.975, n_units - 1)
    return np.quantile(samples, scipy.stats.norm.cdf([-reach, reach]), axis=0)


@pytest.mark.parametrize("n_units", [6, 8, 20, 165])
def test_of_a_normal_bootstrap_distribution_it_is_the_t_interval(n_units):
    """With the spread sd / sqrt(n), sd with n in the denominator, that a bootstrap has."""
    n_samples = 99_999
    grid = scipy.stats.norm.ppf(np.arange(1, n_samples + 1) / (n_samples + 1))
    samples = 5 + 0.3 / np.sqrt(n_units) * grid
    found = interval(samples, 5.0, n_units, level=0.9)
    stderr = 0.3 / np.sqrt(n_units - 1)
    expected = scipy.stats.t.interval(0.9, n_units - 1, loc=5, scale=stderr)
    np.testing.assert_allclose([found.low, found.high], expected, rtol=0, atol=1e-4 * stderr)
    assert (found.method, found.level, found.n_units) == (PERCENTILE, 0.9, n_units)
    assert isinstance(found.low, float)


def test_percentiles_that_units_or_samples_do_not_have():
    """Five units: at most 1 - 2**-4 is covered; 100 samples have no 0.006 quantile."""
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(100)
    for n_units, n_samples, level, method in (
        (5, 100_000, 0.95, STUDENT),
        (5, 100_000, 0.90, PERCENTILE),
        (6, 100_000, 0.95, PERCENTILE),
        (8, 100, 0.95, STUDENT),
        (165, 100, 0.95, PERCENTILE),
    ):
        drawn = np.resize(samples, n_samples)
        assert interval(drawn, 0.0, n_units, level=level).method == method
    found = interval(samples, 1.0, 8)
    reach = np.sqrt(8 / 7) * scipy.stats.t.ppf(0.975, 7) * samples.std()
    assert found.low == pytest.approx(1 - reach, abs=1e-12)
    assert found.high == pytest.approx(1 + reach, abs=1e-12)


def test_bias_is_allowed_for_once_and_twice():
    """By hand: symmetric samples about 3, estimates below, at and above; the interval grows."""
    grid = scipy.stats.norm.ppf(np.arange(1, 10_000) / 10_000)
    reach = np.sqrt(20 / 19) * scipy.stats.t.ppf(0.975, 19)
    for estimate, low, high in ((3.0, 3.0, 3.0), (2.5, 2.0, 2.5), (3.4, 3.4, 3.8)):
        found = interval(3 + grid, estimate, 20)
        assert found.low == pytest.approx(low - reach, abs=1e-3)
        assert found.high == pytest.approx(high + reach, abs=1e-3)


def test_many_estimates_at_once_equal_one_at_a_time():
    rng = np.random.default_rng(0)
    samples = rng.random((1200, 3, 700))
    samples[5:9, 1, 3] = np.nan
    samples[:, 1, 4] = np.nan
    samples[1:, 1, 5] = np.nan
    estimate = rng.random((3, 700))
    estimate[2, 9] = np.nan
    found = interval(samples, estimate, 20)
    assert found.low.shape == found.high.shape == (3, 700)
    for at in ((0, 0), (1, 3), (2, 699)):
        x = samples[(slice(None), *at)]
        one = interval(x[~np.isnan(x)], estimate[at], 20)
        np.testing.assert_allclose(
            [found.low[at], found.high[at]], [one.low, one.high], rtol=0, atol=1e-14
        )
    for at in ((1, 4), (1, 5), (2, 9)):
        assert np.isnan([found.low[at], found.high[at]]).all()
    assert np.isnan(found.low).sum() == 3


# ---- coverage -----------------------------------------------------------------------------------


def gaussian(r, shape, seed):
    """Predictions and responses of so many sounds that correlate with r."""
    rng = np.random.default_rng(seed)
    p, noise = rng.standard_normal((2, N_SOUNDS, *shape))
    return p, r * p + np.sqrt(1 - np.square(r)) * noise


def r2_samples(p, z, counts):
    """Samples, estimates."""
    flat = p.reshape(len(p), -1), z.reshape(len(z), -1)
    samples = bootstrap_r2(*flat, counts).r2
    whole = bootstrap_r2(*flat, np.ones((1, len(p)), int)).r2
    return samples.reshape(-1, *p.shape[1:]), whole.reshape(p.shape[1:])


@pytest.mark.parametrize("r", [0.0, 0.1, 0.3, 0.6, 0.9])
def test_r2_of_a_target_over_sounds_covers(r):
    samples, estimate = r2_samples(*gaussian(r, (N_DATASETS,), 1), resamples(N_SOUNDS, 500, 2))
    found = interval(samples, estimate, N_SOUNDS, kind="sounds")
    assert coverage(found, r * r) > 0.95 - ERROR
    if r > 0.2:  # near 0 it covers more than it says: negative r count as 0
        assert coverage(found, r * r) < 0.95 + ERROR


@pytest.mark.parametrize(("r", "uncentred"), [(0.0, 0.2), (0.1, 0.8), (0.5, 1.0)])
def test_mean_r2_of_listeners_over_sounds_covers_where_percentiles_fail(r, uncentred):
    """Where r2 is small, counting negative r as 0 raises the mean of every resample."""
    n_datasets = N_DATASETS // 2
    counts = resamples(N_SOUNDS, 400, 2)
    samples, estimate = r2_samples(*gaussian(r, (n_datasets, 8), 1), counts)
    samples, estimate = samples.mean(axis=2), estimate.mean(axis=1)
    found = interval(samples, estimate, N_SOUNDS, kind="sounds")
    assert coverage(found, r * r) > 0.95 - ERROR * np.sqrt(2)
    low, high = expanded_percentiles(samples, N_SOUNDS)
    assert ((low <= r * r) & (r * r <= high)).mean() < uncentred


@pytest.mark.parametrize("n_listeners", [3, 4, 5, 6, 8, 20])
def test_mean_over_listeners_covers(n_listeners):
    rng = np.random.default_rng(n_listeners)
    values = 0.3 + 0.1 * rng.standard_normal((N_DATASETS, n_listeners))
    counts = resamples(n_listeners, 1000, 4)
    samples = np.stack([bootstrap_mean(one, counts) for one in values], axis=1)
    found = interval(samples, values.mean(axis=1), n_listeners)
    assert coverage(found, 0.3) == pytest.approx(0.95, abs=ERROR)
    if n_listeners < 9:  # plain percentiles trust few listeners too much
        low, high = np.quantile(samples, [0.025, 0.975], axis=0)
        assert ((low <= 0.3) & (high >= 0.3)).mean() < 0.95 - ERROR


def test_mean_over_listeners_and_sounds_covers():
    """Listeners differ in their r, and share what of a sound's response the model does not know."""
    rng = np.random.default_rng(0)
    n_datasets, n_listeners, share = N_DATASETS, 8, 0.95
    r = rng.choice([0.35, 0.6], (n_datasets, n_listeners))
    truth = (0.35**2 + 0.6**2) / 2
    p = rng.standard_normal((N_SOUNDS, n_datasets, 1))
    common = rng.standard_normal(p.shape)
    own = rng.standard_normal((N_SOUNDS, n_datasets, n_listeners))
    noise = np.sqrt(share) * common + np.sqrt(1 - share) * own
    z = r * p + np.sqrt(1 - r * r) * noise
    samples, estimate = r2_samples(p + 0 * z, z, resamples(N_SOUNDS, 400, 2))
    drawn = resamples(n_listeners, 400, 3)
    covered = {}
    for name, n_units in (("sounds", N_SOUNDS), ("listeners", n_listeners), ("both", n_listeners)):
        means = np.stack(
            [
                bootstrap_mean(
                    estimate[i] if name == "listeners" else samples[:, i],
                    None if name == "sounds" else drawn,
                )
                for i in range(n_datasets)
            ],
            axis=1,
        )
        found = interval(means, estimate.mean(axis=1), n_units)
        covered[name] = coverage(found, truth)
    # only resampling both is about other listeners and other sounds; it is on the safe side
    assert covered["both"] > 0.95 - ERROR
    assert covered["sounds"] < 0.95 - ERROR
    assert covered["listeners"] < 0.95 - ERROR


# ---- refusals -----------------------------------------------------------------------------------


def test_why_there_is_no_interval():
    assert why_not(3, "listeners") is None
    assert why_not(10, "sounds") is None
    assert why_not(1, "listeners").startswith("1 listener: ")
    assert "fewer than 3" in why_not(2, "listeners")
    assert "9 sounds: " in why_not(9, "sounds")
    assert "fewer than 10" in why_not(9, "sounds")
    with pytest.raises(UsageError, match="kind is 'voxels'"):
        why_not(3, "voxels")


def test_refusals():
    samples = np.zeros((500, 4))
    estimate = np.zeros(4)
    with pytest.raises(InputError, match="2 listeners: how much"):
        interval(samples, estimate, 2)
    with pytest.raises(InputError, match="9 sounds: how much"):
        interval(samples, estimate, 9, kind="sounds")
    with pytest.raises(InputError, match=r"samples of shape \(500, 4\) for an estimate of shape"):
        interval(samples, 0.0, 8)
    with pytest.raises(InputError, match="at least two samples"):
        interval(samples[:1], estimate, 8)
    for level in (0, 1, 95):
        with pytest.raises(UsageError, match=f"level is {level}"):
            interval(samples, estimate, 8, level=level)
