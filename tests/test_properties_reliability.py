"""Ceilings, split scores and signed ranks on drawn responses, beside plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drawn_arrays import AWKWARD, SCALES, SEEDS, drawn, features
from heschl.encode import (
    CorrectedRidgeProtocol,
    choose_layer,
    corrected_ridge,
    reliability,
    spearman_brown,
    split_half_reliability,
)
from heschl.encode.ceilings import ceiling_r2
from heschl.encode.signed_rank import signed_rank_p
from heschl.encode.split_scores import median_agreement
from heschl.encode.splits import random_splits
from heschl.errors import InputError

SHARE_OF_SIGNAL = st.sampled_from((0.0, 0.3, 1.0, 10.0))


@st.composite
def responses(draw, n_repeats):
    """(n_sounds, 3, n_repeats): signal and noise."""
    n_sounds = draw(st.integers(4, 15))
    seed = draw(SEEDS)
    signal = draw(SHARE_OF_SIGNAL) * drawn(seed, n_sounds, 3, 1)
    return signal + drawn(seed + 1, n_sounds, 3, n_repeats) + draw(st.sampled_from((0.0, 50.0)))


@settings(max_examples=30, deadline=None)
@given(y=st.integers(2, 5).flatmap(responses), scale=SCALES, sign=st.sampled_from((1, -1)))
def test_signal_and_noise_are_those_of_a_table_of_covariances(y, scale, sign):
    n_sounds, n_targets, n = y.shape
    found, scaled = reliability(y), reliability(sign * scale * y)
    for target in range(n_targets):
        table = np.cov(y[:, target].T)
        signal = table[~np.eye(n, dtype=bool)].mean()
        noise = np.diag(table).mean() - signal
        assert found.signal_variance[target] == pytest.approx(signal, abs=1e-9)
        assert found.noise_variance[target] == pytest.approx(noise, abs=1e-9)
        u = noise / n / np.var(y[:, target].mean(axis=1), ddof=1)
        top = min(u, 1.0)
        bias = 2 / (n_sounds - 1) * top**2 * (2 - top) - top * (1 - top) / n_sounds
        assert found.reliability_mean[target] == pytest.approx(1 - u + bias, rel=1e-7, abs=1e-9)
    np.testing.assert_allclose(scaled.reliability_mean, found.reliability_mean, rtol=1e-7)
    np.testing.assert_allclose(scaled.noise_variance, found.noise_variance * scale**2, rtol=1e-7)
    again = spearman_brown(found.reliability_single, n)
    known = ~np.isnan(again)
    np.testing.assert_allclose(again[known], found.reliability_mean[known], rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(y=st.integers(2, 5).flatmap(responses), scale=SCALES)
def test_split_halves_are_those_of_a_loop(y, scale):
    n = y.shape[2]
    half = n // 2
    divisions = {
        frozenset((first, second))
        for first in itertools.combinations(range(n), half)
        for second in itertools.combinations(set(range(n)) - set(first), half)
    }
    for target, found in enumerate(split_half_reliability(scale * y)):
        r = np.mean(
            [
                np.corrcoef(*(y[:, target, list(side)].mean(axis=1) for side in division))[0, 1]
                for division in divisions
            ]
        )
        ratio = n / half
        below = 1 + (ratio - 1) * r
        expected = ratio * r / below if below > 0 else np.nan
        assert found == pytest.approx(expected, rel=1e-7, abs=1e-9, nan_ok=True)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, n_sounds=st.integers(2, 20), n_repeats=st.integers(2, 5), scale=SCALES)
def test_repetitions_without_noise_are_reliable(seed, n_sounds, n_repeats, scale):
    y = np.repeat(scale * drawn(seed, n_sounds, 2, 1), n_repeats, axis=2)
    np.testing.assert_allclose(ceiling_r2(y), 1.0, rtol=1e-12)
    np.testing.assert_allclose(split_half_reliability(y), 1.0, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(y=arrays(np.float64, (5, 2, 3), elements=st.one_of(AWKWARD, AWKWARD, st.just(np.nan))))
def test_every_table_has_a_reliability_or_none(y):
    found = reliability(y)
    missing = np.isnan(y).any(axis=(0, 2)) | (np.ptp(y, axis=0) == 0).all(axis=1)
    assert np.isnan(found.reliability_mean[missing]).all()
    assert not np.isinf(found.reliability_mean).any()
    halves = split_half_reliability(y)
    assert np.isnan(halves[missing]).all()
    assert (halves[~np.isnan(halves)] <= 1 + 1e-12).all()
    with pytest.raises(InputError, match="infinite"):
        reliability(np.where(np.arange(5)[:, None, None] == 2, np.inf, y))


def test_no_reliability_follows_from_an_infinite_one():
    found = spearman_brown(np.array([np.inf, -np.inf, np.nan, 0.5]), 2)
    np.testing.assert_allclose(found, [np.nan, np.nan, np.nan, 2 / 3])


def test_layers_are_chosen_from_a_table_of_three_dimensions():
    for wrong in (np.zeros(3), np.zeros((2, 3))):
        with pytest.raises(InputError, match=r"scores of shape \(.*expected \(n_layers, n_splits"):
            choose_layer(wrong, ["a", "b", "c"])
    with pytest.raises(InputError, match="infinite"):
        choose_layer(np.full((2, 4, 2), np.inf), ["a", "b"])


@settings(max_examples=30, deadline=None)
@given(
    values=arrays(np.float64, (5, 3, 2), elements=st.sampled_from((0.0, 1.0, 2.0, -1.0, 5.0))),
    scale=SCALES,
)
def test_the_median_leaves_out_what_is_undefined(values, scale):
    for target, found in enumerate(median_agreement(scale * values)):
        pairs = [
            np.corrcoef(values[:, i, target], values[:, j, target])[0, 1]
            for i, j in itertools.combinations(range(3), 2)
            if np.ptp(values[:, i, target]) and np.ptp(values[:, j, target])
        ]
        expected = np.median(pairs) if pairs else np.nan
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


SMALL = CorrectedRidgeProtocol(
    name="small",
    version=1,
    n_splits=3,
    n_train=9,
    n_test=8,
    seed=0,
    alphas=tuple(10.0**power for power in range(4, -5, -1)),
    floor=0.182,
    predicted_floor=0.183,
    summary="",
    citation="",
)


def ridge(x, y, alpha, test):
    """Predictions by the normal equations."""
    centred = x - x.mean(axis=0)
    weights = np.linalg.solve(
        centred.T @ centred + alpha * np.eye(x.shape[1]), centred.T @ (y - y.mean())
    )
    return (test - x.mean(axis=0)) @ weights + y.mean()


def correlation_or_zero(a, b):
    return np.corrcoef(a, b)[0, 1] if np.ptp(a) > 1e-9 else 0.0


@settings(max_examples=15, deadline=None)
@given(x=features(17, 12), seed=SEEDS, scale=SCALES)
def test_split_scores_are_those_of_a_loop(x, seed, scale):
    signal = x @ drawn(seed, x.shape[1], 2)
    y = signal[:, :, None] + 2 * drawn(seed + 1, 17, 2, 3)
    options = {"protocol": SMALL, "n_jobs": 1, "show_progress": False}
    found = corrected_ridge({"layer": x}, scale * y, **options)
    for s, (train, test) in enumerate(random_splits(SMALL, 17)):
        assert sorted([*train, *test]) == list(range(17))
        for target in range(2):
            measured = y[:, target].mean(axis=1)
            alpha = found.alpha[0, s, target]
            predicted = ridge(x[train], measured[train], alpha, x[test])
            r = correlation_or_zero(predicted, measured[test])
            assert found.r[0, s, target] == pytest.approx(r, abs=1e-6)
            pairs = np.corrcoef(y[train, target].T)[np.triu_indices(3, 1)]
            assert found.agreement[s, target] == pytest.approx(np.median(pairs), abs=1e-9)
    r2 = np.maximum(found.r, 0) ** 2
    both = found.reliability * found.predicted_reliability
    np.testing.assert_allclose(found.r2_corrected, r2 / both, rtol=1e-12)
    assert (found.reliability >= SMALL.floor).all()
    assert (found.predicted_reliability >= SMALL.predicted_floor).all()
    again = corrected_ridge({"layer": x}, -y[:, ::-1], **options)
    np.testing.assert_allclose(again.r[..., ::-1], found.r, atol=1e-7)
    np.testing.assert_allclose(again.r2_corrected[..., ::-1], found.r2_corrected, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    d=st.lists(st.sampled_from((0.0, 0.1, 0.2, 0.3, -0.1, -0.3, 1.5, np.nan)), max_size=9),
)
def test_signed_ranks_equal_all_patterns_of_signs(d):
    known = np.array([one for one in d if one], np.float64)
    known = known[~np.isnan(known)]
    ranks = scipy.stats.rankdata(np.abs(known))
    seen = ranks[known > 0].sum()
    sums = [
        ranks[list(signs)].sum() if any(signs) else 0.0
        for signs in itertools.product((False, True), repeat=len(known))
    ]
    low, high = np.mean(np.array(sums) <= seen), np.mean(np.array(sums) >= seen)
    found = signed_rank_p(np.array(d, np.float64))
    assert found == pytest.approx(min(1.0, 2 * min(low, high)), rel=1e-12)
    assert found == signed_rank_p(-np.array(d, np.float64))
    assert found > 0
