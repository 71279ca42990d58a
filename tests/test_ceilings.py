"""Noise ceilings against known truths, by hand, and where there is none."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest

from heschl.encode.ceilings import ceiling_r, ceiling_r2, reliability, spearman_brown
from heschl.encode.split_half import split_half_reliability
from heschl.errors import InputError, UsageError

N_SOUNDS = 165


def simulate(share, n_targets, n_repeats, seed=0, n_sounds=N_SOUNDS):
    """Responses whose mean over repetitions has exactly this share of signal over the sounds."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((n_sounds, n_targets))
    signal = (signal - signal.mean(0)) / signal.std(0)
    sd = np.sqrt(n_repeats * (1 / share - 1)) if share else np.sqrt(n_repeats)
    signal = signal if share else 0 * signal
    noise = rng.standard_normal((n_sounds, n_targets, n_repeats))
    return signal, signal[..., None] + sd * noise


def standard_error(values):
    return values.std() / np.sqrt(values.size)


@pytest.mark.parametrize("n_repeats", [2, 3, 6])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_the_estimate_has_no_bias(share, n_repeats):
    _, y = simulate(share, 5_000, n_repeats, seed=n_repeats)
    estimate = ceiling_r2(y)
    assert abs(estimate.mean() - share) < 4 * standard_error(estimate)


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_other_estimates_have_a_bias(share):
    """The intraclass correlation and Spearman-Brown come out too low; why they are not taken."""
    _, y = simulate(share, 8_000, 3, seed=11)
    found = reliability(y)
    icc = found.signal_variance / (found.signal_variance + found.noise_variance / 3)
    for other in (icc, split_half_reliability(y)):
        assert other.mean() - share < -4 * standard_error(other)
        assert abs(found.reliability_mean.mean() - share) < (share - other.mean()) / 3


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_model_that_knows_the_truth_reaches_the_ceiling(share):
    """Its mean r2 is the ceiling and what chance adds with 165 sounds, at most 1 / 164."""
    signal, y = simulate(share, 8_000, 3, seed=5)
    mean = y.mean(axis=2)
    r = np.einsum("st,st->t", signal, mean - mean.mean(0)) / (N_SOUNDS * mean.std(0))
    excess = r**2 - ceiling_r2(y)
    # expectation of r2 for a noncentrality of 165 share / (1 - share), less the share
    c = N_SOUNDS * share / (1 - share)
    total = N_SOUNDS - 1 + c
    expected = (1 + c) / total - 2 * (1 + 2 * c) / total**2
    expected += 2 * (1 + c) * (N_SOUNDS - 1 + 2 * c) / total**3
    assert abs(excess.mean() - (expected - share)) < 4 * standard_error(excess)
    assert 0 < expected - share < 1 / (N_SOUNDS - 1)


def test_noise_predicts_next_to_nothing():
    """With negative r counting as 0, half of the chance level 1 / (n_sounds - 1) remains."""
    _, y = simulate(0.5, 8_000, 3, seed=3)
    mean = y.mean(axis=2)
    guess = np.random.default_rng(31).standard_normal(mean.shape)
    r = np.mean((guess - guess.mean(0)) * (mean - mean.mean(0)), axis=0)
    r2 = np.maximum(r / guess.std(0) / mean.std(0), 0) ** 2
    assert abs(r2.mean() - 0.5 / (N_SOUNDS - 1)) < 4 * standard_error(r2)
    assert r2.mean() < ceiling_r2(y).mean() / 100


def test_by_hand():
    """Three sounds, two repetitions: 1 2 3 and 3 2 7.

    Covariance: ((-1)(-1) + 0 (-2) + 1 * 3) / 2 = 2. Variances 1 and 7, so 4 on average and
    4 - 2 = 2 of noise. The mean 2 2 5 has variance 3, of which noise is 2 / 2 / 3 = 1 / 3.
    """
    found = reliability(np.array([[[1.0, 3]], [[2, 2]], [[3, 7]]]))
    assert found.signal_variance == pytest.approx(2)
    assert found.noise_variance == pytest.approx(2)
    u = 1 / 3
    correction = 2 / 2 * u**2 * (2 - u) - u * (1 - u) / 3
    assert found.reliability_mean == pytest.approx(2 / 3 + correction)
    assert found.reliability_single == pytest.approx((2 / 3 + correction) / (4 / 3 - correction))
    assert found.n_repeats == 2
    assert found.why_not is None


def test_single_and_mean_are_linked_by_spearman_brown():
    _, y = simulate(0.2, 50, 3)
    found = reliability(y)
    assert (found.reliability_mean < 0).any(), "the unusual case is among them"
    linked = spearman_brown(found.reliability_single, 3)
    np.testing.assert_allclose(linked, found.reliability_mean, atol=1e-13)


def test_spearman_brown_by_hand():
    assert spearman_brown(0.5, 3) == pytest.approx(0.75)
    assert spearman_brown(0.5, 2) == pytest.approx(2 / 3)
    np.testing.assert_allclose(spearman_brown([0.0, 1.0], 7), [0, 1])
    assert spearman_brown(-0.25, 3) == pytest.approx(-1.5)
    np.testing.assert_array_equal(spearman_brown([-0.5, -0.75, np.nan], 3), [np.nan] * 3)
    with pytest.raises(UsageError, match="n is 0"):
        spearman_brown(0.5, 0)


def test_variances_equal_numpys():
    y = np.random.default_rng(0).standard_normal((20, 3, 4)) + np.arange(20)[:, None, None] / 5
    found = reliability(y)
    for t in range(3):
        covariance = np.cov(y[:, t].T)
        signal = covariance[~np.eye(4, dtype=bool)].mean()
        assert found.signal_variance[t] == pytest.approx(signal, rel=1e-12)
        assert found.noise_variance[t] == pytest.approx(np.diag(covariance).mean() - signal)


@pytest.mark.parametrize("n_repeats", [2, 3, 4, 5])
def test_split_halves_equal_a_plain_loop(n_repeats):
    _, y = simulate(0.6, 2, n_repeats)
    found = split_half_reliability(y)
    half = n_repeats // 2
    for t in range(2):
        r = [
            np.corrcoef(y[:, t, list(a)].mean(1), y[:, t, list(b)].mean(1))[0, 1]
            for a in itertools.combinations(range(n_repeats), half)
            for b in itertools.combinations(range(n_repeats), half)
            if not set(a) & set(b)
        ]
        r = np.mean(r)
        factor = n_repeats / half
        assert found[t] == pytest.approx(factor * r / (1 + (factor - 1) * r), rel=1e-12)


def test_some_split_halves_of_many_repetitions():
    """Of 6,435 divisions of 16, 300 at random nearly do."""
    _, y = simulate(0.8, 200, 16)
    some = split_half_reliability(y, n_splits=300, seed=1)
    assert np.array_equal(some, split_half_reliability(y, n_splits=300, seed=1))
    np.testing.assert_allclose(some, ceiling_r2(y), atol=0.02)
    with pytest.raises(UsageError, match="n_splits is 0"):
        split_half_reliability(y, n_splits=0)


def test_no_clipping_and_units():
    y = np.array([[[1.0, 3]], [[2, 2]], [[3, 1]]]) + np.array([[[0, 0]], [[0.1, 0]], [[0, 0]]])
    found = reliability(y)
    assert found.ceiling_r2 < 0  # the raw value is kept
    assert np.isnan(found.ceiling_r)
    assert np.isnan(ceiling_r(y))
    _, y = simulate(0.5, 20, 3)
    np.testing.assert_allclose(ceiling_r(y) ** 2, ceiling_r2(y), rtol=1e-15)


def test_where_nothing_can_be_said():
    _, y = simulate(0.5, 6, 3)
    y[3, 1, 2] = np.nan  # one repetition of one sound was not measured
    y[:, 2, 2] = np.nan  # a listener with two scans
    y[:, 3] = 1.25
    y[:, 4] = [0.1, 0.2, 0.7]  # repetitions that differ, sounds that do not
    y[:, 5, 0] = 0
    y[:, 5, 2] = -y[:, 5, 1]  # the mean over repetitions is constant
    expected = [False, True, True, True, True, True]
    assert np.isnan(ceiling_r2(y)).tolist() == expected
    assert np.isnan(ceiling_r(y)).tolist() == expected
    assert np.isnan(split_half_reliability(y)).tolist() == expected


def test_perfect_repetitions():
    signal, _ = simulate(0.5, 3, 2)
    y = np.repeat(signal[..., None], 3, axis=2)
    np.testing.assert_allclose(ceiling_r2(y), 1, rtol=1e-12)
    np.testing.assert_allclose(split_half_reliability(y), 1, rtol=1e-12)


def test_one_repetition_gives_no_ceiling():
    _, y = simulate(0.5, 4, 1)
    found = reliability(y)
    assert "one repetition" in found.why_not
    for values in (found.reliability_single, found.reliability_mean, found.noise_variance):
        assert np.isnan(values).all()
        assert values.shape == (4,)
    for ask in (ceiling_r2, ceiling_r, split_half_reliability):
        with pytest.raises(InputError, match=r"one repetition.*no ceiling.*at least two"):
            ask(y)


@pytest.mark.parametrize("shape", [(165, 4), (1, 4, 3), (165, 4, 0)])
def test_wrong_shapes(shape):
    with pytest.raises(InputError, match=r"expected \(n_sounds, n_targets, n_repeats\)"):
        reliability(np.zeros(shape))


def test_infinite_responses():
    with pytest.raises(InputError, match="infinite"):
        reliability(np.full((4, 1, 2), np.inf))


@pytest.mark.shared
def test_ceilings_of_the_fixture_agree_with_its_truth(shared, tmp_path):
    """Simulated voxels in the published layout, whose reliability in one scan is known."""
    script = shared / "tools" / "make_mcdermott_fixture.py"
    sizes = ["--voxels-nh2015", "2000", "--voxels-b2021", "20"]
    subprocess.run([sys.executable, script, tmp_path, *sizes], check=True)
    y = np.load(tmp_path / "data/neural/NH2015/voxel_features_array.npy")
    single = np.load(tmp_path / "truth.npz")["nh2015_reliability_one_scan"]
    complete = ~np.isnan(y).any(axis=(0, 2))
    assert np.array_equal(~np.isnan(ceiling_r2(y)), complete)
    found = ceiling_r2(y[:, complete])
    difference = found - spearman_brown(single[complete], 3)
    assert abs(difference.mean()) < 4 * standard_error(difference)
    assert np.corrcoef(found, spearman_brown(single[complete], 3))[0, 1] > 0.9
