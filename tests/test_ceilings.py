"""Noise ceilings against known truths, by hand, and where there is none."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from heschl.encode.ceilings import ceiling_r, ceiling_r2, reliability, spearman_brown, why_not
from heschl.errors import InputError

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


@pytest.mark.parametrize("n_repeats", [2, 3, 6])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_the_estimate_has_no_bias(share, n_repeats):
    _, y = simulate(share, 8_000, n_repeats, seed=n_repeats)
    estimate = ceiling_r2(y)
    error = estimate.std() / np.sqrt(len(estimate))
    # what second-order terms leave is far below the error of one dataset's average voxel
    assert abs(estimate.mean() - share) < 4 * error + 2e-4


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
    error = excess.std() / np.sqrt(excess.size)
    assert abs(excess.mean() - (expected - share)) < 4 * error + 2e-4
    assert expected - share < 1 / 164


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
    assert found.mean == pytest.approx(2 / 3 + correction)
    assert spearman_brown(found.single, 2) == pytest.approx(found.mean)
    assert found.n_repeats == 2


def test_spearman_brown_by_hand():
    assert spearman_brown(0.5, 3) == pytest.approx(0.75)
    assert spearman_brown(0.5, 2) == pytest.approx(2 / 3)
    np.testing.assert_allclose(spearman_brown([0.0, 1.0], 7), [0, 1])


def test_variances_equal_numpys():
    y = np.random.default_rng(0).standard_normal((20, 3, 4)) + np.arange(20)[:, None, None] / 5
    found = reliability(y)
    for t in range(3):
        covariance = np.cov(y[:, t].T)
        signal = covariance[~np.eye(4, dtype=bool)].mean()
        assert found.signal_variance[t] == pytest.approx(signal, rel=1e-12)
        assert found.noise_variance[t] == pytest.approx(np.diag(covariance).mean() - signal)


def test_no_clipping_and_units():
    y = np.array([[[1.0, 3]], [[2, 2]], [[3, 1]]]) + np.array([[[0, 0]], [[0.1, 0]], [[0, 0]]])
    r2 = ceiling_r2(y)
    assert r2 < 0  # the raw value is kept
    assert np.isnan(ceiling_r(r2))
    np.testing.assert_allclose(ceiling_r(np.array([0.25, 0.0])), [0.5, 0])


def test_where_nothing_can_be_said():
    _, y = simulate(0.5, 4, 3)
    y[3, 1, 2] = np.nan  # one repetition of one sound was not measured
    y[:, 2, 2] = np.nan  # a listener with two scans
    y[:, 3] = 1.25
    assert np.isnan(ceiling_r2(y)).tolist() == [False, True, True, True]


def test_one_repetition_gives_no_ceiling():
    _, y = simulate(0.5, 4, 1)
    assert why_not(3) is None
    assert "one repetition" in why_not(1)
    with pytest.raises(InputError, match=r"one repetition.*at least two"):
        ceiling_r2(y)


@pytest.mark.parametrize("shape", [(165, 4), (1, 4, 3)])
def test_wrong_shapes(shape):
    with pytest.raises(InputError, match=r"expected \(n_sounds, n_targets, n_repeats\)"):
        reliability(np.zeros(shape))


@pytest.mark.shared
def test_ceilings_of_the_fixture_agree_with_its_truth(shared, tmp_path):
    """Simulated voxels in the published layout, whose reliability in one scan is known."""
    script = shared / "tools" / "make_mcdermott_fixture.py"
    sizes = ["--voxels-nh2015", "2000", "--voxels-b2021", "20"]
    subprocess.run([sys.executable, script, tmp_path, *sizes], check=True)
    y = np.load(tmp_path / "data/neural/NH2015/voxel_features_array.npy")
    single = np.load(tmp_path / "truth.npz")["nh2015_reliability_one_scan"]
    complete = ~np.isnan(y).any(axis=(0, 2))
    difference = ceiling_r2(y[:, complete]) - spearman_brown(single[complete], 3)
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(difference.size)
    assert np.corrcoef(ceiling_r2(y[:, complete]), single[complete])[0, 1] > 0.9
