"""Resamples, p values, intervals and averages on drawn values, beside loops, scipy and
statsmodels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.multitest import multipletests

from drawn_arrays import AWKWARD, LAYOUTS, SCALES, SEEDS, drawn, laid_out
from heschl import stats
from heschl.averages import mean_and_stderr
from heschl.errors import InputError
from heschl.threads import map_threads, run_threads

#: What p values are made of: ends, ties, and next to nothing.
P_VALUES = st.sampled_from((0.0, 1.0, 0.5, 0.05, 0.01, 1e-300, 5e-324, 1 - 2**-53, np.nan))
FEW = st.sampled_from((0.0, 0.1, 0.2, 0.30000000000000004, -0.1, -0.2, 1.0, -5.0))


@settings(max_examples=40, deadline=None)
@given(p=st.lists(P_VALUES | st.floats(0, 1), max_size=30), seed=SEEDS)
def test_adjusted_p_are_those_of_statsmodels(p, seed):
    p = np.array(p, np.float64)
    known = ~np.isnan(p)
    found = stats.fdr(p)
    np.testing.assert_array_equal(np.isnan(found), ~known)
    if known.any():
        expected = multipletests(p[known], method="fdr_bh")[1]
        np.testing.assert_allclose(found[known], expected, rtol=1e-12, atol=5e-324)
        # by definition: the least, over thresholds as high, of p times tests a discovery
        scaled = [len(p[known]) * q / (p[known] <= q).sum() for q in p[known]]
        by_hand = [
            min(s for s, q in zip(scaled, p[known], strict=True) if q >= one) for one in p[known]
        ]
        np.testing.assert_allclose(found[known], np.minimum(by_hand, 1), rtol=1e-12, atol=1e-323)
    order = np.random.default_rng(seed).permutation(len(p))
    np.testing.assert_array_equal(stats.fdr(p[order]), found[order])
    np.testing.assert_array_equal(stats.fdr(p.reshape(-1, 1))[:, 0], found)


@settings(max_examples=40, deadline=None)
@given(
    observed=arrays(np.float64, 3, elements=st.one_of(FEW, AWKWARD, st.just(np.nan))),
    null=arrays(
        np.float64,
        st.tuples(st.integers(1, 20), st.just(3)),
        elements=st.one_of(FEW, FEW, FEW, st.sampled_from((np.nan, np.inf))),
    ),
)
def test_p_is_a_rank_among_draws_and_never_0(observed, null):
    found = stats.p_value(observed, null)
    for one, seen, draws in zip(found, observed, null.T, strict=True):
        if np.isnan(seen) or np.isnan(draws).any():
            assert np.isnan(one)
            continue
        at_least = sum(draw >= seen for draw in [*draws, seen])
        assert one == at_least / (len(draws) + 1)
        assert 0 < one <= 1
        assert stats.p_value(float(seen), draws) == one


@settings(max_examples=30, deadline=None)
@given(d=st.lists(FEW | st.just(np.nan), max_size=8), scale=SCALES)
def test_sign_flips_are_all_patterns(d, scale):
    d = np.array(d, np.float64)
    known = d[~np.isnan(d)]
    if len(known) < 3:
        with pytest.raises(InputError, match="at least 3"):
            stats.sign_flip_test(d)
        return
    found = stats.sign_flip_test(scale * d)
    sums = [abs(np.dot(signs, known)) for signs in itertools.product((1, -1), repeat=len(known))]
    assert found.p == np.mean(np.array(sums) >= abs(known.sum()) - 1e-9)
    assert found.mean == pytest.approx(scale * known.mean(), rel=1e-12, abs=1e-12 * scale)
    assert (found.exact, found.n_patterns) == (True, 2 ** len(known))
    assert stats.sign_flip_test(-scale * d[::-1]).p == found.p


@settings(max_examples=20, deadline=None)
@given(n_units=st.integers(1, 60), n_samples=st.integers(1, 40), seed=SEEDS)
def test_every_resample_draws_as_many_units_as_there_are(n_units, n_samples, seed):
    counts = stats.resamples(n_units, n_samples, seed)
    assert counts.shape == (n_samples, n_units)
    assert counts.min() >= 0
    np.testing.assert_array_equal(counts.sum(axis=1), n_units)
    np.testing.assert_array_equal(stats.resamples(n_units, n_samples, seed), counts)


@st.composite
def tables(draw, rows, columns, missing=True):
    """Values of some scale, here and there nan."""
    x = drawn(draw(SEEDS), draw(rows), draw(columns))
    if missing:
        x[np.random.default_rng(draw(SEEDS)).random(x.shape) < 0.2] = np.nan
    return x * draw(SCALES)


@settings(max_examples=30, deadline=None)
@given(x=tables(st.integers(1, 8), st.integers(1, 6)), seed=SEEDS, layout=st.sampled_from(LAYOUTS))
def test_means_of_resamples_are_means_of_repeated_values(x, seed, layout):
    n_samples, n_listeners = x.shape
    counts = stats.resamples(n_listeners, n_samples, seed)
    found = stats.bootstrap_mean(laid_out(x, layout), counts)
    plain = stats.bootstrap_mean(x)
    for one, all_once, values, times in zip(found, plain, x, counts, strict=True):
        for mean, repeated in ((one, np.repeat(values, times)), (all_once, values)):
            known = repeated[~np.isnan(repeated)]
            expected = known.mean() if known.size else np.nan
            size = np.abs(known).max(initial=0)
            assert mean == pytest.approx(expected, rel=1e-9, abs=1e-12 * size, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(x=tables(st.integers(1, 8), st.integers(1, 4)), layout=st.sampled_from(LAYOUTS))
def test_averages_are_scipys(x, layout):
    mean, stderr = mean_and_stderr(laid_out(x, layout))
    for column, one, error in zip(x.T, mean, stderr, strict=True):
        known = column[~np.isnan(column)]
        expected = known.mean() if known.size else np.nan
        size = np.abs(known).max(initial=0)
        assert one == pytest.approx(expected, rel=1e-9, abs=1e-12 * size, nan_ok=True)
        expected = scipy.stats.sem(known) if known.size > 1 else np.nan
        assert error == pytest.approx(expected, rel=1e-9, abs=1e-12 * size, nan_ok=True)


@pytest.mark.parametrize("wrong", [np.inf, -np.inf])
def test_infinite_values_are_refused(wrong):
    samples = drawn(0, 50)
    spoilt = np.where(np.arange(50) == 7, wrong, samples)
    with pytest.raises(InputError, match="values over listeners are infinite"):
        mean_and_stderr(np.array([1.0, wrong, np.nan]))
    with pytest.raises(InputError, match="values of listeners are infinite"):
        stats.bootstrap_mean(np.array([[1.0, wrong], [2.0, 3.0]]), np.array([[2, 0], [1, 1]]))
    for n_units in (4, 20):  # by the spread, and by percentiles
        for given_samples, estimate in ((spoilt, 0.0), (samples, wrong)):
            with pytest.raises(InputError, match="samples or their estimate are infinite"):
                stats.interval(given_samples, estimate, n_units)
    with pytest.raises(InputError, match="samples or estimates of a model are infinite"):
        stats.paired_difference(spoilt, spoilt, 0.0, 0.0, 20)


@settings(max_examples=30, deadline=None)
@given(
    x=tables(st.integers(1, 4), st.integers(1, 12)), data=st.data(), layout=st.sampled_from(LAYOUTS)
)
def test_medians_of_groups_are_numpys(x, data, layout):
    n = x.shape[1]
    groups = np.array(data.draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n)))
    before = x.copy()
    found = stats.median_over_groups(laid_out(x, layout), groups)
    for i, name in enumerate(dict.fromkeys(groups.tolist())):
        for row, one in zip(x[:, groups == name], found[:, i], strict=True):
            known = row[~np.isnan(row)]
            assert one == pytest.approx(np.median(known) if known.size else np.nan, nan_ok=True)
    np.testing.assert_array_equal(x, before)
    if len(x) == 1:
        over = stats.over_listeners(x[0], groups)
        np.testing.assert_array_equal(over.values, found[0])
        np.testing.assert_array_equal([over.mean, over.stderr], mean_and_stderr(found[0]))


@settings(max_examples=25, deadline=None)
@given(
    seed=SEEDS,
    n_sounds=st.integers(2, 10),
    scale=SCALES,
    offset=st.sampled_from((0.0, 1.0, 1e6)),
    ties=st.booleans(),
)
def test_weighted_correlations_are_those_of_repeated_sounds(seed, n_sounds, scale, offset, ties):
    p, z = drawn(seed, n_sounds, 3), drawn(seed + 1, n_sounds, 3)
    if ties:
        p, z = np.round(p), np.round(z)
    p[:, 0] = 0.7
    counts = stats.resamples(n_sounds, 5, seed)
    found = stats.bootstrap_r2(scale * (p + offset), scale * z, counts, n_jobs=1)
    for sample, times in enumerate(counts):
        a, b = np.repeat(p, times, axis=0), np.repeat(z, times, axis=0)
        for target in range(3):
            one, other = a[:, target], b[:, target]
            flat = np.ptp(one) == 0 or np.ptp(other) == 0
            r = 0.0 if flat else np.corrcoef(one, other)[0, 1]
            assert found.r[sample, target] == pytest.approx(r, abs=1e-8)
    names = np.array(["a", "b", "a"])
    medians = stats.bootstrap_listeners(p, z, names, counts, n_jobs=1)
    r2 = stats.bootstrap_r2(p, z, counts, n_jobs=1).r2
    expected = np.stack([r2[:, [0, 2]].mean(axis=1), r2[:, 1]], axis=1)
    np.testing.assert_allclose(medians, expected, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    p=arrays(np.float64, (4, 2), elements=st.one_of(AWKWARD, st.just(np.nan))),
    z=arrays(np.float64, (4, 2), elements=AWKWARD),
    seed=SEEDS,
)
def test_every_table_has_correlations_between_minus_1_and_1(p, z, seed):
    found = stats.bootstrap_r2(p, z, stats.resamples(4, 6, seed), n_jobs=1)
    missing = np.isnan(p).any(axis=0)
    assert np.isnan(found.r[:, missing]).all()
    assert (np.abs(found.r[:, ~missing]) <= 1 + 1e-9).all()


SAMPLES = st.integers(3, 300)
UNITS = st.integers(3, 60)


@settings(max_examples=30, deadline=None)
@given(
    seed=SEEDS,
    n_samples=SAMPLES,
    n_units=UNITS,
    levels=st.tuples(st.floats(0.05, 0.999), st.floats(0.05, 0.999)).map(sorted),
    bias=st.sampled_from((0.0, 0.5, -0.5)),
)
def test_a_higher_level_gives_a_wider_interval(seed, n_samples, n_units, levels, bias):
    samples = drawn(seed, n_samples, 2)
    narrow, wide = (
        stats.interval(samples, np.array([bias, 0.0]), n_units, level=level) for level in levels
    )
    if narrow.method == wide.method:
        assert (wide.low <= narrow.low).all()
        assert (wide.high >= narrow.high).all()
    assert (narrow.low <= narrow.high).all()


@settings(max_examples=30, deadline=None)
@given(
    seed=SEEDS,
    n_samples=SAMPLES,
    n_units=UNITS,
    scale=SCALES,
    shift=st.sampled_from((0.0, 3.0)),
    gone=st.booleans(),
)
def test_an_interval_moves_and_grows_with_the_values(seed, n_samples, n_units, scale, shift, gone):
    samples, estimate = drawn(seed, n_samples, 2), np.array([0.1, -0.2])
    if gone:
        samples[0, 1] = np.nan
    plain = stats.interval(samples, estimate, n_units)
    for sign, ends in ((1, ("low", "high")), (-1, ("high", "low"))):
        factor = sign * scale
        other = stats.interval(factor * (samples + shift), factor * (estimate + shift), n_units)
        for end, its_end in zip(ends, ("low", "high"), strict=True):
            expected = getattr(plain, end) + shift
            np.testing.assert_allclose(getattr(other, its_end) / factor, expected, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, n_samples=SAMPLES, n_units=UNITS, scale=SCALES)
def test_the_order_of_two_models_turns_their_difference(seed, n_samples, n_units, scale):
    a, b = drawn(seed, n_samples, 2), drawn(seed + 1, n_samples, 2) + 0.5
    one = stats.paired_difference(a, b, a.mean(axis=0), b.mean(axis=0), n_units)
    other = stats.paired_difference(
        scale * b, scale * a, scale * b.mean(axis=0), scale * a.mean(axis=0), n_units
    )
    np.testing.assert_allclose(other.estimate, -scale * one.estimate, rtol=1e-12)
    np.testing.assert_allclose(other.interval.low, -scale * one.interval.high, rtol=1e-7)
    np.testing.assert_allclose(other.p, one.p, rtol=1e-7)
    assert ((one.p > 0) & (one.p <= 1)).all()


@settings(max_examples=15, deadline=None)
@given(items=st.lists(st.integers(), max_size=30), n_jobs=st.integers(1, 4))
def test_threads_lose_no_item_and_one_kind_keeps_their_order(items, n_jobs):
    doubled = [2 * item for item in items]
    assert list(map_threads(lambda item: 2 * item, items, n_jobs=n_jobs)) == doubled
    assert sorted(run_threads(lambda item: 2 * item, items, n_jobs=n_jobs)) == sorted(doubled)
