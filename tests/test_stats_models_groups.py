"""Kinds of models compared: brute force, by hand, scipy, and how often p is small by chance."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from heschl.errors import InputError, UsageError
from heschl.stats import compare_groups


def by_brute_force(table, first, second):
    """Difference and p within families, and between, from every order of the labels."""
    table = table[table.group.isin([first, second])].dropna()

    def statistic(labels, values):
        a, b = (values[labels == kind] for kind in (first, second))
        return a.mean() - b.mean()

    def p(blocks):
        orders = [sorted(set(itertools.permutations(labels))) for labels, _ in blocks]
        all_of = [
            np.mean(
                [
                    statistic(np.array(labels), values)
                    for labels, (_, values) in zip(choice, blocks, strict=True)
                ]
            )
            for choice in itertools.product(*orders)
        ]
        seen = np.mean([statistic(np.array(labels), values) for labels, values in blocks])
        return seen, np.mean(np.abs(all_of) >= abs(seen) - 1e-12), len(all_of)

    kinds = table.groupby("family").group.nunique()
    both = [
        (tuple(rows.group), rows.value.to_numpy())
        for name, rows in table.groupby("family")
        if kinds[name] == 2
    ]
    single = table[table.family.map(kinds) == 1].groupby("family")
    means = [(tuple(single.group.first()), single.value.mean().to_numpy())]
    return (len(both), *p(both)), (len(single), *p(means))


def kinds_of_training(seed, *, effect=0.0):
    rng = np.random.default_rng(seed)
    families = list("aaaabbbccdefghiijj")
    groups = list("ssuussusuuussuuuss")
    table = pd.DataFrame({"family": families, "group": groups})
    table["value"] = rng.standard_normal(len(table)) + effect * (table.group == "s")
    table.loc[len(table)] = ["a", "hand-built", 50.0]
    table.loc[len(table)] = ["k", pd.NA, 50.0]
    table.loc[len(table)] = ["d", "s", np.nan]  # else d would have both kinds
    return table.sample(frac=1, random_state=seed)


def compared(table, **options):
    return compare_groups(table.value.to_numpy(), table.group, table.family, "s", "u", **options)


@pytest.mark.parametrize("seed", range(4))
def test_groups_equal_brute_force(seed):
    table = kinds_of_training(seed, effect=seed / 2)
    expected = by_brute_force(table, "s", "u")
    for found, (n, difference, p, n_patterns) in zip(compared(table), expected, strict=True):
        assert (found.n, found.n_patterns, found.exact) == (n, n_patterns, True)
        assert found.difference == pytest.approx(difference, abs=1e-12)
        assert found.p == pytest.approx(p, abs=1e-12)
    assert [found.exact for found in compared(table, n_permutations=36)] == [True, True]
    assert [found.exact for found in compared(table, n_permutations=35)] == [False, True]
    within, between = compared(table)
    assert (within.how, between.how) == ("within families", "between families")
    assert (within.n, within.n_patterns) == (3, 6 * 3 * 2)
    assert (between.n, between.n_patterns) == (7, 35)


def test_groups_by_hand():
    """Within: 3 and 1, each the highest of 2 and 3 arrangements. Between: (7 + 5) / 2 - 2."""
    values = np.array([4.0, 1.0, 2.0, 1.0, 1.0, 7.0, 4.0, 6.0, 2.0])
    families = ["a", "a", "b", "b", "b", "c", "d", "d", "e"]
    groups = ["s", "u", "s", "u", "u", "s", "s", "s", "u"]
    within, between = compare_groups(values, groups, families, "s", "u")
    # -+3 and 1, -1/2, -1/2: of 6 means 2 and, far enough below 0, none
    assert (within.n, within.difference, within.p, within.n_patterns) == (2, 2.0, 1 / 6, 6)
    # pairs of 7, 5, 2 less the third: 4, -1/2 and -7/2
    assert (between.n, between.difference, between.p, between.n_patterns) == (3, 4.0, 1 / 3, 3)
    more = [*groups, pd.NA, None, np.nan, "hand-built"], [*families, "a", "b", "c", "f"]
    assert compare_groups(np.append(values, [99.0] * 4), *more, "s", "u") == (within, between)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_few_families_cannot_give_a_small_p(n):
    """n against n families that do not even overlap."""
    families = [f"family {i}" for i in range(2 * n)]
    groups = ["s"] * n + ["u"] * n
    _, between = compare_groups(np.arange(2 * n) / 7, groups, families, "s", "u")
    assert between.p == pytest.approx({2: 1 / 3, 3: 0.1, 4: 2 / 70}[n])


def test_equal_values_do_not_differ():
    table = kinds_of_training(0)
    table["value"] = np.where(table.value > 0, 0.3, 0.1 + 0.2)
    for found in compared(table):
        assert found.difference == pytest.approx(0, abs=1e-15)
        assert found.p == 1


def test_random_arrangements_agree_with_all():
    table = kinds_of_training(1, effect=0.7)
    for found, all_of in zip(
        compared(table, n_permutations=30, seed=1), compared(table), strict=True
    ):
        assert (found.exact, found.n_patterns) == (False, 30)
        assert found.difference == all_of.difference
        assert 31 * found.p == pytest.approx(round(31 * found.p))
        error = np.sqrt(all_of.p * (1 - all_of.p) / 30)
        assert found.p == pytest.approx(all_of.p, abs=4 * error + 1 / 31)
    assert compared(table, n_permutations=30, seed=1) == compared(table, n_permutations=30, seed=1)


def test_one_family_equals_scipy():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"value": rng.standard_normal(9), "group": list("ssusususs")})
    found, between = compared(table.assign(family="a"))
    expected = scipy.stats.permutation_test(
        tuple(table.value[table.group == kind] for kind in "su"),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        vectorized=True,
    )
    assert found.difference == pytest.approx(expected.statistic)
    all_of = expected.null_distribution  # scipy doubles the smaller tail, which is another p
    assert found.n_patterns == all_of.size == 84
    assert found.p == np.mean(np.abs(all_of) >= abs(expected.statistic) - 1e-12)
    assert (between.n, between.n_patterns) == (0, 0)


def test_the_smallest_p_of_random_arrangements():
    many = pd.DataFrame({"group": list("sssu") * 15, "family": np.repeat(list("abcdefghij"), 6)})
    found, _ = compared(many.assign(value=many.group.eq("s") * 1.0), n_permutations=99)
    assert (found.exact, found.p) == (False, 1 / 100)


def test_comparisons_that_cannot_be_made():
    values = np.arange(4.0)
    for groups, families, n in (
        (list("ssss"), list("abcd"), (0, 4)),
        (list("ssuu"), list("abab"), (2, 0)),
        (list("xxxx"), list("abcd"), (0, 0)),
        (list("suss"), list("aabc"), (1, 2)),
    ):
        for found, count in zip(compare_groups(values, groups, families, "s", "u"), n, strict=True):
            assert found.n == count
            possible = found.how == "within families" and count > 0
            assert np.isnan(found.difference) != possible
            assert np.isnan(found.p) != possible
    within, between = compare_groups(np.full(4, np.nan), list("suss"), list("aabc"), "s", "u")
    assert (within.n, between.n) == (0, 0)


def test_groups_p_is_uniform_under_the_null():
    """Families differ. p less a random part of its step is uniform if no arrangements tie."""
    rng = np.random.default_rng(0)
    families, groups = np.array(list("aaaabbbbbcdefghii")), np.array(list("ssuussuuusssuuuuu"))
    base = {name: 3 * rng.standard_normal(1500) for name in "ab"}
    p = {"within families": [], "between families": []}
    for i in range(1500):
        values = rng.standard_normal(len(families))
        for name, of in base.items():
            values[families == name] += of[i]
        values[families == "i"] = rng.standard_normal()  # a mean as variable as the others
        for found in compare_groups(values, groups, families, "s", "u"):
            p[found.how].append(found.p - rng.random() / found.n_patterns)
            assert found.n_patterns == {"within families": 60, "between families": 35}[found.how]
    for values in p.values():
        assert scipy.stats.kstest(values, "uniform").pvalue > 0.01


def test_random_arrangements_are_not_too_sure_under_the_null():
    rng = np.random.default_rng(0)
    families, groups = np.repeat(list("abcd"), 6), list("ssssuu") * 4
    p = [
        compare_groups(
            rng.standard_normal(24), groups, families, "s", "u", n_permutations=39, seed=i
        )[0].p
        for i in range(1000)
    ]
    seen = np.bincount(np.rint(np.array(p) * 40).astype(int), minlength=41)[1:]
    assert scipy.stats.chisquare(seen).pvalue > 0.01


def test_group_refusals():
    x = np.arange(4.0)
    with pytest.raises(UsageError, match="first and second are both 's'"):
        compare_groups(x, list("ssuu"), list("abcd"), "s", "s")
    with pytest.raises(UsageError, match="n_permutations is 0"):
        compare_groups(x, list("ssuu"), list("abcd"), "s", "u", n_permutations=0)
    with pytest.raises(InputError, match="3 groups for 4 models"):
        compare_groups(x, list("ssu"), list("abcd"), "s", "u")
    with pytest.raises(InputError, match="5 families for 4 models"):
        compare_groups(x, list("ssuu"), list("abcde"), "s", "u")
    with pytest.raises(InputError, match=r"values of shape \(4, 1\)"):
        compare_groups(x[:, None], list("ssuu"), list("abcd"), "s", "u")
    with pytest.raises(InputError, match="one finite number"):
        compare_groups(np.full(4, np.inf), list("ssuu"), list("abcd"), "s", "u")
