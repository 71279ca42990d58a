"""Families of models: scipy, pandas, statsmodels, and how often p is small by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.formula.api as smf

from heschl.errors import InputError, UsageError
from heschl.stats import (
    correlate,
    of_family_means,
    partial_correlation,
    within_families,
    without_each_family,
)

KINDS = ("pearson", "spearman")
SCIPY = {"pearson": scipy.stats.pearsonr, "spearman": scipy.stats.spearmanr}
SIZES = {"beats": 4, "dasheng": 3, "ast": 1, "encodecmae": 8, "cochdnn": 2, "vggish": 1, "s2t": 1}


def relatives(seed, *, slope=0.5, spread=1.0, sizes=SIZES):
    """Measures of models whose families differ by so much, in an order of their own."""
    rng = np.random.default_rng(seed)
    names = rng.permutation(np.repeat(list(sizes), list(sizes.values())))
    base = {name: spread * rng.standard_normal(2) for name in sizes}
    x, y = np.array([base[name] for name in names]).T + rng.standard_normal((2, len(names)))
    return pd.DataFrame({"x": x, "y": y + slope * x, "family": names})


def with_gaps(table):
    """A family without any pair, and one that loses a model in each measure."""
    table = table.copy()
    table.loc[table.family == "vggish", "x"] = np.nan
    rows = table.index[table.family == "encodecmae"]
    table.loc[rows[0], "x"], table.loc[rows[3], "y"] = np.nan, np.nan
    return table


def columns(table):
    return table.x.to_numpy(), table.y.to_numpy(), table.family


# ---- correlation --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_family_left_out(kind):
    table = with_gaps(relatives(0))
    found = without_each_family(*columns(table), kind=kind)
    complete = table.dropna()
    assert list(found) == [name for name in dict.fromkeys(table.family) if name != "vggish"]
    for family, one in found.items():
        rest = complete[complete.family != family]
        expected = SCIPY[kind](rest.x, rest.y)
        assert (one.kind, one.n) == (kind, len(rest))
        assert one.value == pytest.approx(expected.statistic, abs=1e-13)
        assert one.p == pytest.approx(expected.pvalue, rel=1e-9)
        assert np.isnan(one.low)


def test_a_correlation_that_one_family_makes():
    """By hand: three models in a cross have no correlation, the two far away make one."""
    x = np.array([0.0, 1.0, 2.0, 10.0, 11.0])
    y = np.array([0.0, 3.0, 0.0, 10.0, 11.0])
    found = without_each_family(x, y, ["a", "b", "c", "far", "far"])
    assert found["far"].value == pytest.approx(0, abs=1e-15)
    assert found["far"].p == pytest.approx(1)
    assert min(found[name].value for name in "abc") > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_family_means_equal_pandas(kind):
    sizes = {f"{name} {i}": n for i in range(2) for name, n in SIZES.items()}
    table = relatives(0, sizes=sizes)
    table.loc[[3, 4], "x"] = np.nan
    means = table.dropna().groupby("family", sort=False)[["x", "y"]].mean()
    found = of_family_means(*columns(table), kind=kind, seed=2)
    expected = SCIPY[kind](means.x, means.y)
    assert found.n == len(means)
    assert found.value == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.low < found.value < found.high
    repeated = of_family_means(*columns(pd.concat([table] * 3)), kind=kind, seed=2)
    assert repeated.n == found.n  # more of the same models say no more
    assert repeated.p == pytest.approx(found.p, rel=1e-9)
    assert repeated.low == pytest.approx(found.low, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_within_families_is_the_slope_of_ancova(seed):
    table = with_gaps(relatives(seed))
    found = within_families(*columns(table))
    fit = smf.ols("y ~ x + C(family)", table.dropna()).fit()
    assert found.p == pytest.approx(fit.pvalues["x"], rel=1e-8)
    t = found.value * np.sqrt(fit.df_resid / (1 - found.value**2))
    assert t == pytest.approx(fit.tvalues["x"], rel=1e-9)
    several = table.dropna()[lambda t: t.family.map(t.family.value_counts()) > 1]
    assert found.n == len(several) == 4 + 3 + 6 + 2
    assert fit.df_resid == found.n - 4 - 1
    centred = several[["x", "y"]] - several.groupby("family")[["x", "y"]].transform("mean")
    assert found.value == pytest.approx(np.corrcoef(centred.T)[0, 1], abs=1e-12)
    reach = 1.959963984540054 / np.sqrt(found.n - 4 - 2)
    assert found.low == pytest.approx(np.tanh(np.arctanh(found.value) - reach), abs=1e-12)


def test_within_families_by_rank():
    """Ranked over all families that count, and centred in each."""
    table = with_gaps(relatives(0))
    found = within_families(*columns(table), kind="spearman")
    several = table.dropna()[lambda t: t.family.map(t.family.value_counts()) > 1]
    ranked = several[["x", "y"]].rank()
    fit = smf.ols("y ~ x + C(family)", ranked.assign(family=several.family)).fit()
    assert found.p == pytest.approx(fit.pvalues["x"], rel=1e-8)
    dummies = pd.get_dummies(several.family).to_numpy(float)
    same = partial_correlation(several.x, several.y, dummies, kind="spearman")
    assert found.value == pytest.approx(same.value, abs=1e-10)


def test_families_that_say_nothing_about_their_models():
    x, y = np.random.default_rng(0).standard_normal((2, 6))
    for families, n in ((list("abcdef"), 0), (list("aabcde"), 2), (list("aabbcd"), 4)):
        found = within_families(x, y, families)
        assert found.n == n
        assert np.isnan(found.value) == (n < 4)  # n - families - 1 degrees of freedom
        assert np.isnan(found.low)
    one = within_families(x, y, ["a"] * 6)
    assert one.value == pytest.approx(correlate(x, y).value, abs=1e-12)
    assert one.p == pytest.approx(correlate(x, y).p, rel=1e-9)
    assert without_each_family(x, y, ["a"] * 6)["a"].n == 0
    assert without_each_family(x * np.nan, y, ["a"] * 6) == {}
    assert of_family_means(x * np.nan, y, ["a"] * 6).n == 0


def test_relatives_make_plain_p_too_small_and_not_these():
    """Families differ by 3 sd, in x and y apart: there is nothing to find."""
    sizes = {f"{name} {i}": n for i in range(2) for name, n in SIZES.items() if n > 1}
    p = {"plain": [], "means": [], "within": []}
    for seed in range(1000):
        of = columns(relatives(seed, slope=0, spread=3, sizes=sizes))
        p["plain"].append(correlate(*of[:2], n_bootstrap=0).p)
        p["means"].append(of_family_means(*of, n_bootstrap=0).p)
        p["within"].append(within_families(*of).p)
    assert np.mean(np.array(p["plain"]) < 0.05) > 0.2
    for name in ("means", "within"):
        assert scipy.stats.kstest(p[name], "uniform").pvalue > 0.01


# ---- refusals -----------------------------------------------------------------------------------


def test_family_refusals():
    x, y = np.random.default_rng(0).standard_normal((2, 4))
    for function in (without_each_family, of_family_means, within_families):
        with pytest.raises(InputError, match="3 families for 4 models"):
            function(x, y, list("aab"))
        for missing in (None, np.nan, pd.NA, "", 3):
            with pytest.raises(InputError, match=f"family of model 2 is {missing!r}"):
                function(x, y, ["a", "a", missing, "b"])
        with pytest.raises(InputError, match=r"shapes \(4,\) and \(3,\)"):
            function(x, y[1:], list("aabb"))
        with pytest.raises(InputError, match="x of model 0 is inf"):
            function(np.full(4, np.inf), y, list("aabb"))
        with pytest.raises(UsageError, match="kind is 'tau'"):
            function(x, y, list("aabb"), kind="tau")
    with pytest.raises(UsageError, match="n_bootstrap is -1"):
        of_family_means(x, y, list("aabb"), n_bootstrap=-1)
