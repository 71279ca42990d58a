"""Correlation over models: scipy, statsmodels, loops and cases solved by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm

from heschl.errors import InputError, UsageError
from heschl.stats import correlate, overall, partial_correlation, resamples, task_zscores
from heschl.stats.association_bootstrap import bootstrap_correlations, fisher_z
from heschl.stats.intervals import interval

KINDS = ("pearson", "spearman")
SCIPY = {"pearson": scipy.stats.pearsonr, "spearman": scipy.stats.spearmanr}


def scores(n, seed, *, r=0.6, ties=False, missing=0):
    """Two measures of n models; with ties, and with nan in one or the other."""
    rng = np.random.default_rng(seed)
    x, noise = rng.standard_normal((2, n))
    y = r * x + np.sqrt(1 - r * r) * noise
    if ties:
        x, y = np.round(2 * x) / 2, np.round(2 * y) / 2
    x[:missing], y[missing : 2 * missing] = np.nan, np.nan
    return x, y


# ---- value and p --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [3, 4, 7, 20, 36])
@pytest.mark.parametrize("ties", [False, True])
def test_value_and_p_equal_scipy(kind, n, ties):
    for seed, r in enumerate((0.0, -0.5, 0.9, 0.9999)):
        x, y = scores(n + 4, seed, r=r, ties=ties, missing=2)
        found = correlate(x, y, kind=kind, n_bootstrap=0)
        known = ~np.isnan(x + y)
        if np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
            assert np.isnan(found.value)
            continue
        expected = SCIPY[kind](x[known], y[known])
        assert found.value == pytest.approx(expected.statistic, abs=1e-13)
        assert found.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
        assert (found.kind, found.n) == (kind, n)
        assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("scale", [1e-200, 1e-9, 1, 1e12, 1e300])
def test_units_do_not_matter(scale):
    x, y = scores(20, 0)
    found = correlate(scale * x, y * scale + 3 * scale)
    expected = correlate(x, y)
    for name in ("value", "p", "low", "high"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_undefined_is_nan_without_a_warning(kind):
    varied = np.arange(12.0)
    constant = np.full(12, 0.3)
    rounding = np.where(varied % 2, 0.1 + 0.2, 0.3)
    missing = np.full(12, np.nan)
    two = np.where(varied < 2, varied, np.nan)
    for other, n in ((constant, 12), (rounding, 12), (missing, 0), (two, 2), (0 * varied, 12)):
        for pair in ((varied, other), (other, varied)):
            found = correlate(*pair, kind=kind)
            assert found.n == n
            assert np.isnan([found.value, found.p, found.low, found.high]).all()
    assert correlate(np.empty(0), np.empty(0), kind=kind).n == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sign", [1, -1])
def test_models_in_line(kind, sign):
    x = np.arange(20.0)
    found = correlate(x, sign * x / 7 + 0.1, kind=kind)
    assert found.value == pytest.approx(sign, abs=1e-15)
    assert found.p < 1e-50
    np.testing.assert_allclose([found.low, found.high], sign, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_p_of_unrelated_measures_is_uniform(kind):
    rng = np.random.default_rng(1)
    p = [correlate(*rng.standard_normal((2, 20)), kind=kind, n_bootstrap=0).p for _ in range(2000)]
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 2000))


# ---- bootstrap ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ties", [False, True])
def test_resamples_equal_a_loop(kind, ties):
    x, y = scores(11, 3, ties=ties)
    counts = resamples(11, 200, seed=5)
    counts[:3] = 0
    counts[0, 4], counts[1, [2, 3]], counts[2, [0, 1, 2]] = 11, (1, 10), (5, 5, 1)
    found = bootstrap_correlations(x, y, counts, by_rank=kind == "spearman")
    for r, drawn in zip(found, counts, strict=True):
        a, b = np.repeat(x, drawn), np.repeat(y, drawn)
        if np.ptp(a) == 0 or np.ptp(b) == 0:
            assert np.isnan(r)
        else:
            assert r == pytest.approx(SCIPY[kind](a, b).statistic, abs=1e-12)
    assert np.isnan(found[0])
    assert abs(found[1]) == pytest.approx(1)


def test_interval_of_r_is_that_of_its_z():
    x, y = scores(17, 0)
    found = correlate(x, y, seed=4, n_bootstrap=400, level=0.9)
    samples = []
    for drawn in resamples(17, 400, seed=4):
        a, b = np.repeat(x, drawn), np.repeat(y, drawn)
        samples.append(np.arctanh(np.corrcoef(a, b)[0, 1]))
    expected = interval(np.array(samples), np.arctanh(found.value), 17, kind="sounds", level=0.9)
    assert found.low == pytest.approx(np.tanh(expected.low), abs=1e-10)
    assert found.high == pytest.approx(np.tanh(expected.high), abs=1e-10)


def test_interval_of_rho_is_of_percentiles():
    x, y = scores(17, 0)
    found = correlate(x, y, kind="spearman", seed=4, n_bootstrap=99, level=0.9)
    samples = sorted(
        scipy.stats.spearmanr(np.repeat(x, drawn), np.repeat(y, drawn)).statistic
        for drawn in resamples(17, 99, seed=4)
    )
    # 5% of 100: the fifth from either end
    assert found.low == pytest.approx(samples[4], abs=1e-12)
    assert found.high == pytest.approx(samples[-5], abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_one_odd_model_leaves_resamples_without_a_correlation(kind):
    """A third of the resamples miss it: x is constant there, and they do not count."""
    x = np.where(np.arange(12) == 3, 0.7, np.where(np.arange(12) % 2, 0.3, 0.1 + 0.2))
    if kind == "spearman":
        x = np.where(x < 0.5, 0.3, x)  # rounding is an order like any other
    y = scores(12, 0)[1] + 3 * x
    counts = resamples(12, 1000, seed=0)
    absent = counts[:, 3] == 0
    samples = bootstrap_correlations(x, y, counts, by_rank=kind == "spearman")
    np.testing.assert_array_equal(np.isnan(samples), absent)
    found = correlate(x, y, kind=kind)
    if kind == "spearman":
        expected = np.quantile(samples[~absent], [0.025, 0.975], method="weibull")
    else:
        z = interval(np.arctanh(samples[~absent]), np.arctanh(found.value), 12, kind="sounds")
        expected = np.tanh([z.low, z.high])
    np.testing.assert_allclose([found.low, found.high], expected, rtol=0, atol=1e-12)


def test_fewest_models_and_resamples_for_an_interval():
    x, y = scores(10, 0)
    for kind in KINDS:
        assert np.isfinite(correlate(x, y, kind=kind).low)
        fewer = correlate(x[1:], y[1:], kind=kind)
        assert np.isfinite([fewer.value, fewer.p]).all()
        assert np.isnan([fewer.low, fewer.high]).all()
        assert np.isnan(correlate(x, y, kind=kind, n_bootstrap=0).low)
        assert np.isfinite(correlate(x, y, kind=kind, n_bootstrap=39).low)
        assert correlate(x, y, kind=kind, seed=3) == correlate(x, y, kind=kind, seed=3)


def test_fisher_z_is_finite():
    assert fisher_z(0.5) == pytest.approx(0.5 * np.log(3))
    assert np.isfinite(fisher_z(np.array([-1.0, 1.0]))).all()


# ---- partial ------------------------------------------------------------------------------------


def given_scores(n, k, seed):
    rng = np.random.default_rng(seed)
    given = rng.standard_normal((n, k)) * 10.0 ** rng.integers(-3, 4, k) + 5
    common = (given / given.std(axis=0)).sum(axis=1)
    x, y = rng.standard_normal((2, n)) + common
    return x, y + 0.5 * x, given


def as_ranks(*measures):
    return [scipy.stats.rankdata(v, axis=0) for v in measures]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 2, 4])
def test_partial_equals_regression_and_the_inverse_covariance(kind, k):
    x, y, given = given_scores(20, k, k)
    found = partial_correlation(x, y, given, kind=kind)
    if kind == "spearman":
        x, y, given = as_ranks(x, y, given)
    fit = sm.OLS(y, np.column_stack([np.ones(20), x, given])).fit()
    assert found.p == pytest.approx(fit.pvalues[1], rel=1e-8)
    assert np.sign(found.value) == np.sign(fit.params[1])
    left = [sm.OLS(v, sm.add_constant(given)).fit().resid for v in (x, y)]
    assert found.value == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-10)
    precision = np.linalg.inv(np.corrcoef(np.column_stack([x, y, given]).T))
    inverse = -precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1])
    assert found.value == pytest.approx(inverse, abs=1e-10)


def test_partial_interval_is_fishers():
    x, y, given = given_scores(20, 2, 0)
    for kind, excess in (("pearson", 0), ("spearman", 0.5)):
        found = partial_correlation(x, y, given, kind=kind, level=0.9)
        reach = 1.6448536269514722 * np.sqrt((1 + excess * found.value**2) / (20 - 2 - 3))
        z = np.arctanh(found.value)
        assert found.low == pytest.approx(np.tanh(z - reach), abs=1e-12)
        assert found.high == pytest.approx(np.tanh(z + reach), abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_given_is_the_plain_correlation(kind):
    x, y = scores(20, 0, missing=1)
    expected = correlate(x, y, kind=kind, n_bootstrap=0)
    for given in (np.empty((20, 0)), np.full((20, 2), 0.1)):
        found = partial_correlation(x, y, given, kind=kind)
        assert found.n == expected.n
        assert found.value == pytest.approx(expected.value, abs=1e-12)
        assert found.p == pytest.approx(expected.p, rel=1e-9)


def test_what_follows_from_the_rest_does_not_count():
    x, y, given = given_scores(20, 2, 0)
    expected = partial_correlation(x, y, given)
    more = np.column_stack([given, given[:, 0], given @ [3.0, -2.0] + 1e3, np.ones(20)])
    found = partial_correlation(x, y, more)
    for name in ("n", "value", "p", "low", "high"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-9)


def test_incomplete_models_are_left_out_of_partial_correlations():
    x, y, given = given_scores(23, 2, 0)
    x[0], y[1], given[2, 1] = np.nan, np.nan, np.nan
    found = partial_correlation(x, y, given, kind="spearman")
    assert found == partial_correlation(x[3:], y[3:], given[3:], kind="spearman")
    assert found.n == 20


def test_too_few_models_or_nothing_left():
    for n, k in ((0, 1), (2, 1), (3, 1), (5, 3)):
        x, y, given = (v[:n] for v in given_scores(9, k, 0))
        found = partial_correlation(x, y, given)
        assert found.n == n
        assert np.isnan([found.value, found.p, found.low, found.high]).all()
    x, y, given = given_scores(4, 1, 0)
    found = partial_correlation(x, y, given)
    assert np.isfinite([found.value, found.p]).all()
    assert np.isnan([found.low, found.high]).all()
    x, y, given = given_scores(20, 2, 0)
    for gone in (given @ [1.0, 2.0] - 7, np.full(20, 0.1)):
        assert np.isnan(partial_correlation(gone, y, given).value)
        assert np.isnan(partial_correlation(x, gone, given).p)


# ---- overall ------------------------------------------------------------------------------------


def test_zscores_by_hand():
    """Of 1, 2, 3 the sd (ddof 1) is 1; of 2, 4 it is the root of 2; one score, and no spread."""
    nan = np.nan
    rounding = 0.1 + 0.2
    table = np.array(
        [
            [1, 2, 5, 0.3, 70, nan],
            [2, nan, nan, rounding, 70, nan],
            [3, 4, nan, 0.3, 70, nan],
            [nan, nan, nan, nan, nan, nan],
        ]
    )
    half = np.sqrt(0.5)
    expected = np.full(table.shape, nan)
    expected[:3, 0] = -1, 0, 1
    expected[[0, 2], 1] = -half, half
    np.testing.assert_allclose(task_zscores(table), expected, atol=1e-12)
    np.testing.assert_allclose(overall(table), [(-1 - half) / 2, 0, (1 + half) / 2, nan])


def test_zscores_equal_scipy():
    table = np.random.default_rng(0).random((35, 6)) * [1, 1, 100, 1, 1e-3, 1] + 3
    table[[0, 5, 9], [1, 1, 4]] = np.nan
    expected = scipy.stats.zscore(table, axis=0, ddof=1, nan_policy="omit")
    np.testing.assert_allclose(task_zscores(table), expected, atol=1e-10)
    np.testing.assert_allclose(overall(table), np.nanmean(expected, axis=1), atol=1e-10)


def test_tables_without_models_or_tasks():
    assert task_zscores(np.empty((0, 3))).shape == (0, 3)
    assert overall(np.empty((0, 3))).shape == (0,)
    assert np.isnan(overall(np.empty((2, 0)))).tolist() == [True, True]


# ---- refusals -----------------------------------------------------------------------------------


def test_correlate_refusals():
    x, y = scores(12, 0)
    with pytest.raises(InputError, match=r"shapes \(12,\) and \(11,\); expected one number"):
        correlate(x, y[1:])
    with pytest.raises(InputError, match=r"shapes \(12, 1\) and \(12, 1\)"):
        correlate(x[:, None], y[:, None])
    with pytest.raises(InputError, match="y of model 3 is -inf; expected finite"):
        correlate(x, np.where(np.arange(12) == 3, -np.inf, y))
    with pytest.raises(UsageError, match="kind is 'kendall'; expected 'pearson' or 'spearman'"):
        correlate(x, y, kind="kendall")
    for n in (-1, 1, 38):
        with pytest.raises(UsageError, match=f"n_bootstrap is {n}; expected at least 39 resamples"):
            correlate(x, y, n_bootstrap=n)
    for level in (0, 1, 95):
        with pytest.raises(UsageError, match=f"level is {level}"):
            correlate(x, y, level=level)


def test_partial_refusals():
    x, y, given = given_scores(12, 2, 0)
    with pytest.raises(InputError, match=r"given has shape \(12,\) beside 12 models.*given\[:, No"):
        partial_correlation(x, y, given[:, 0])
    with pytest.raises(InputError, match=r"given has shape \(11, 2\) beside 12 models"):
        partial_correlation(x, y, given[1:])
    given[4, 1] = -np.inf
    with pytest.raises(InputError, match="given holds -inf for model 4"):
        partial_correlation(x, y, given)
    with pytest.raises(InputError, match="x of model 0 is inf"):
        partial_correlation(np.full(12, np.inf), y, given)
    with pytest.raises(UsageError, match="kind is 'r'"):
        partial_correlation(x, y, given, kind="r")
    with pytest.raises(UsageError, match="level is 2"):
        partial_correlation(x, y, given, level=2)


def test_zscore_refusals():
    for function in (task_zscores, overall):
        with pytest.raises(InputError, match=r"scores of shape \(3,\); expected \(n_models, n_t"):
            function(np.ones(3))
        with pytest.raises(InputError, match="score of model 1 in task 2 is inf"):
            function(np.where(np.eye(3)[[0, 2, 1]] * [0, 0, 1] > 0, np.inf, 1.0))
