"""Statistics over models on drawn scores: beside scipy, a regression and all arrangements."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drawn_arrays import AWKWARD, SCALES, SEEDS, drawn
from heschl import stats

KINDS = st.sampled_from(("pearson", "spearman"))


@st.composite
def measures(draw, n_models, n_measures):
    """(n_models, n_measures) that share something, with ties or without."""
    seed = draw(SEEDS)
    x = drawn(seed, n_models, n_measures) + draw(st.sampled_from((0.0, 1.0))) * drawn(
        seed + 1, n_models, 1
    )
    return np.round(x, draw(st.sampled_from((0, 1, 15))))


def scipys(kind, x, y):
    return (scipy.stats.pearsonr if kind == "pearson" else scipy.stats.spearmanr)(x, y)


@settings(max_examples=40, deadline=None)
@given(
    xy=st.integers(0, 15).flatmap(lambda n: measures(n, 2)),
    kind=KINDS,
    scales=st.tuples(SCALES, SCALES),
    gone=st.integers(0, 4),
    seed=SEEDS,
)
def test_correlations_are_scipys(xy, kind, scales, gone, seed):
    order = np.random.default_rng(seed).permutation(len(xy))
    x, y = xy.T.copy()
    x[:gone] = np.nan
    known = ~np.isnan(x)
    found = stats.correlate(scales[0] * x[order], -scales[1] * y[order], kind=kind, n_bootstrap=0)
    assert found.n == known.sum()
    if found.n < 3 or np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
        assert np.isnan(found.value)
        return
    expected = scipys(kind, x[known], y[known])
    assert found.value == pytest.approx(-expected.statistic, abs=1e-10)
    if abs(found.value) < 1 - 1e-9:  # a line: p is rounding
        assert found.p == pytest.approx(expected.pvalue, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(xy=st.integers(10, 15).flatmap(lambda n: measures(n, 2)), kind=KINDS, scale=SCALES)
def test_the_interval_holds_the_correlation_and_widens_with_the_level(xy, kind, scale):
    x, y = xy.T
    ends = []
    for level in (0.5, 0.9):
        found = stats.correlate(x, y, kind=kind, n_bootstrap=60, level=level)
        other = stats.correlate(scale * y, x + 1.0, kind=kind, n_bootstrap=60, level=level)
        np.testing.assert_allclose([other.low, other.high], [found.low, found.high], atol=1e-7)
        if np.isnan(found.value):
            assert np.isnan([found.low, found.high]).all()
            return
        ends.append((found.low, found.high))
    assert -1 <= ends[1][0] <= ends[0][0] <= ends[0][1] <= ends[1][1] <= 1


@settings(max_examples=40, deadline=None)
@given(
    x=arrays(np.float64, st.integers(0, 12), elements=st.one_of(AWKWARD, st.just(np.nan))),
    seed=SEEDS,
    kind=KINDS,
)
def test_every_measure_has_a_correlation_or_none(x, seed, kind):
    y = np.random.default_rng(seed).permutation(x)
    found = stats.correlate(x, y, kind=kind, n_bootstrap=40)
    numbers = np.array([found.value, found.low, found.high])
    assert np.isnan(found.p) == np.isnan(found.value)
    assert (np.abs(numbers[~np.isnan(numbers)]) <= 1).all()
    left = stats.partial_correlation(x, y, np.arange(len(x))[:, None], kind=kind)
    assert np.isnan(left.p) == np.isnan(left.value)
    assert np.isnan(left.value) or abs(left.value) <= 1


@settings(max_examples=30, deadline=None)
@given(
    xyz=st.tuples(st.integers(7, 14), st.integers(0, 3)).flatmap(
        lambda n: measures(n[0], 2 + n[1])
    ),
    kind=KINDS,
    scale=SCALES,
    twice=st.booleans(),
)
def test_partial_correlations_are_those_of_residuals(xyz, kind, scale, twice):
    x, y, given_ = xyz[:, 0], xyz[:, 1], xyz[:, 2:]
    ranked = xyz if kind == "pearson" else scipy.stats.rankdata(xyz, axis=0)
    others = ranked[:, 2:] - ranked[:, 2:].mean(axis=0)
    k = np.linalg.matrix_rank(others) if others.size else 0
    left = []
    for column in (ranked[:, 0], ranked[:, 1]):
        centred = column - column.mean()
        weights = np.linalg.lstsq(others, centred, rcond=1e-9)[0]
        left.append(centred - others @ weights)
    table = np.hstack([given_, given_]) if twice else given_
    found = stats.partial_correlation(scale * x, y, scale * table, kind=kind)
    df = len(x) - 2 - k
    if df < 1 or min(one.std() for one in left) < 1e-6:
        assert np.isnan(found.value)
        return
    r = np.corrcoef(*left)[0, 1]
    assert found.value == pytest.approx(r, abs=1e-7)
    if abs(r) < 1 - 1e-9:
        t = r * np.sqrt(df / (1 - r * r))
        assert found.p == pytest.approx(2 * scipy.stats.t.sf(abs(t), df), rel=1e-5)
        if df > 1:
            assert found.low < found.value < found.high


@st.composite
def families(draw, n_models):
    """A name for each model."""
    return draw(st.lists(st.sampled_from("abcd"), min_size=n_models, max_size=n_models))


@settings(max_examples=25, deadline=None)
@given(data=st.data(), n=st.integers(1, 14), kind=KINDS)
def test_families_are_left_out_averaged_and_centred(data, n, kind):
    x, y = data.draw(measures(n, 2)).T
    names = np.array(data.draw(families(n)))
    x = np.where(np.arange(n) == 3, np.nan, x)
    known = ~np.isnan(x)
    each = stats.without_each_family(x, y, names, kind=kind)
    assert set(each) == set(names[known])
    for name, found in each.items():
        rest = stats.correlate(x[names != name], y[names != name], kind=kind, n_bootstrap=0)
        np.testing.assert_allclose([found.value, found.p], [rest.value, rest.p], rtol=1e-9)
    distinct = list(dict.fromkeys(names[known].tolist()))
    means = [
        np.array([values[known & (names == name)].mean() for name in distinct]) for values in (x, y)
    ]
    found, plain = (
        stats.of_family_means(x, y, names, kind=kind, n_bootstrap=0),
        stats.correlate(*means, kind=kind, n_bootstrap=0),
    )
    assert found.n == len(distinct)
    np.testing.assert_allclose(found.value, plain.value, rtol=1e-9)
    several = known & np.array([(known & (names == name)).sum() > 1 for name in names])
    assert stats.within_families(x, y, names, kind=kind).n == several.sum()
    if not several.any():
        return
    a, b = x[several], y[several]
    if kind == "spearman":
        a, b = scipy.stats.rankdata(a), scipy.stats.rankdata(b)
    for name in set(names[several]):
        mine = names[several] == name
        a, b = (np.where(mine, values - values[mine].mean(), values) for values in (a, b))
    within = stats.within_families(x, y, names, kind=kind)
    df = several.sum() - len(set(names[several])) - 1
    if df < 1 or min(a.std(), b.std()) < 1e-9:
        assert np.isnan(within.value)
    else:
        assert within.value == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-7)


@settings(max_examples=20, deadline=None)
@given(data=st.data(), n=st.integers(2, 7), scale=SCALES)
def test_kinds_are_compared_over_all_arrangements(data, n, scale):
    values = np.round(data.draw(measures(n, 1))[:, 0], 3)
    kinds = data.draw(st.lists(st.sampled_from(("one", "two", "three")), min_size=n, max_size=n))
    names = data.draw(families(n))
    within, between = stats.compare_groups(scale * values, kinds, names, "one", "two")
    blocks, means = [], {"one": [], "two": []}
    for name in dict.fromkeys(names):
        mine = {
            kind: values[(np.array(kinds) == kind) & (np.array(names) == name)] for kind in means
        }
        if mine["one"].size and mine["two"].size:
            blocks.append((mine["one"], mine["two"]))
        else:
            for kind, some in mine.items():
                if some.size:
                    means[kind].append(np.mean(some))
    both = [(means["one"], means["two"])] if means["one"] and means["two"] else []
    for found, its_blocks in ((within, blocks), (between, both)):
        if not its_blocks:
            assert np.isnan(found.difference)
            continue
        arranged = []
        for first, second in its_blocks:
            pooled, n_first = np.array([*first, *second]), len(first)
            chosen = itertools.combinations(range(len(pooled)), n_first)
            arranged.append(
                [pooled[list(c)].mean() - np.delete(pooled, list(c)).mean() for c in chosen]
            )
        every = np.array([np.mean(some) for some in itertools.product(*arranged)])
        seen = np.mean([np.mean(a) - np.mean(b) for a, b in its_blocks])
        assert found.difference == pytest.approx(scale * seen, rel=1e-9, abs=1e-9 * scale)
        assert found.p == pytest.approx(np.mean(np.abs(every) >= abs(seen) - 1e-9), rel=1e-12)
        assert (found.exact, found.n_patterns) == (True, len(every))


@settings(max_examples=30, deadline=None)
@given(
    scores=st.tuples(st.integers(0, 8), st.integers(0, 4)).flatmap(lambda n: measures(*n)),
    seed=SEEDS,
    scales=st.lists(SCALES, min_size=4, max_size=4),
)
def test_z_scores_are_scipys_whatever_the_unit(scores, seed, scales):
    n_models, n_tasks = scores.shape
    scores = scores.copy()
    scores[np.random.default_rng(seed).random(scores.shape) < 0.2] = np.nan
    found = stats.task_zscores(scores * np.array(scales[:n_tasks]))
    for column, z in zip(scores.T, found.T, strict=True):
        known = ~np.isnan(column)
        assert np.isnan(z[~known]).all()
        if known.sum() > 1 and np.ptp(column[known]) > 0:
            expected = scipy.stats.zscore(column[known], ddof=1)
            np.testing.assert_allclose(z[known], expected, atol=1e-9)
        else:
            assert np.isnan(z).all()
    overall = stats.overall(scores)
    assert overall.shape == (n_models,)
    for one, row in zip(overall, stats.task_zscores(scores), strict=True):
        expected = row[~np.isnan(row)].mean() if (~np.isnan(row)).any() else np.nan
        assert one == pytest.approx(expected, abs=1e-9, nan_ok=True)
