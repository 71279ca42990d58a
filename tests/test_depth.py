"""Relative depth of the best layer, by region, and its comparison: by hand and by scipy."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
import scipy.stats

from heschl.encode.depth import compare_regions, depth_by_region, relative_depth
from heschl.encode.signed_rank import signed_rank_p
from heschl.errors import InputError, UsageError

NAN = math.nan


def test_depth_is_the_place_of_the_best_layer():
    scores = np.array(
        [
            [0.1, 0.5, 0.2, NAN, NAN, -0.3],
            [0.2, 0.4, 0.2, 0.1, NAN, -0.1],
            [0.9, 0.3, 0.1, NAN, NAN, -0.2],
            [0.3, 0.2, 0.2, 0.3, NAN, -0.4],
            [0.4, 0.1, 0.0, 0.2, NAN, -0.5],
        ]
    )
    np.testing.assert_array_equal(relative_depth(scores), [0.5, 0, 0, 0.75, NAN, 0.25])
    left_out = relative_depth(scores, ties="leave out")
    np.testing.assert_array_equal(left_out, [0.5, 0, NAN, 0.75, NAN, 0.25])


def test_a_target_that_no_layer_predicts_can_be_left_out():
    scores = np.zeros((4, 2))
    scores[3, 1] = 0.2
    np.testing.assert_array_equal(relative_depth(scores), [0, 1])
    np.testing.assert_array_equal(relative_depth(scores, ties="leave out"), [NAN, 1])


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros((1, 5)), r"scores of 1 layer\(s\); expected at least 2"),
        (np.zeros((0, 5)), r"scores of 0 layer\(s\)"),
        (np.zeros(5), r"shape \(5,\)"),
        (np.array([[np.inf], [0.0]]), "expected finite numbers"),
    ],
)
def test_scores_without_a_depth_are_refused(scores, message):
    with pytest.raises(InputError, match=message):
        relative_depth(scores)


def test_unknown_options_are_refused():
    with pytest.raises(UsageError, match="ties is 'random'"):
        relative_depth(np.zeros((2, 2)), ties="random")
    with pytest.raises(UsageError, match="statistic is 'mode'"):
        depth_by_region(np.zeros(2), np.array(["a", "b"]), np.array(["P", "P"]), statistic="mode")


# --- regions --------------------------------------------------------------------------------

DEPTH = np.array([0.0, 0.25, 1.0, 0.5, 0.75, 0.5, 1.0, NAN, 0.25, 0.1])
WHO = np.array(["s1"] * 5 + ["s2"] * 3 + ["s3", "s1"])
WHERE = np.array(["P", "P", "P", "L", "L", "P", "L", "L", "L", None], object)


def test_regions_by_hand():
    found = depth_by_region(DEPTH, WHO, WHERE)
    assert found.listeners == ("s1", "s2", "s3")
    assert found.regions == ("P", "L")
    np.testing.assert_allclose(found.depth, [[1.25 / 3, 0.625], [0.5, 1.0], [NAN, 0.25]])
    np.testing.assert_array_equal(found.n_targets, [[3, 2], [1, 1], [0, 1]])
    primary, lateral = np.array([1.25 / 3, 0.5]), np.array([0.625, 1.0, 0.25])
    np.testing.assert_allclose(found.mean, [primary.mean(), 0.625])
    np.testing.assert_allclose(found.stderr, [primary.std() / 1, lateral.std() / math.sqrt(2)])
    # sd with ddof 0 over sqrt(n - 1) is what scipy calls the standard error of the mean
    np.testing.assert_allclose(found.stderr[1], scipy.stats.sem(lateral))
    medians = depth_by_region(DEPTH, WHO, WHERE, statistic="median")
    np.testing.assert_allclose(medians.depth, [[0.25, 0.625], [0.5, 1.0], [NAN, 0.25]])
    assert medians.statistic == "median"


@pytest.mark.parametrize("missing", [None, NAN, ""])
def test_missing_regions_are_left_out(missing):
    where = WHERE.copy()
    where[-1] = missing
    found = depth_by_region(DEPTH, WHO, where)
    assert found.regions == ("P", "L")
    np.testing.assert_array_equal(found.n_targets.sum(), 8)


def test_a_single_listener_has_no_standard_error():
    found = depth_by_region(np.array([0.5, 1.0]), np.array(["a", "a"]), np.array(["P", "L"]))
    np.testing.assert_array_equal(found.mean, [0.5, 1.0])
    assert np.isnan(found.stderr).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": DEPTH[:, None]}, r"depth has shape \(10, 1\)"),
        ({"depth": np.full(10, 1.5)}, "a depth is 1.5; expected numbers from 0 to 1"),
        ({"listeners": WHO[:4]}, r"listeners have shape \(4,\) beside 10 targets"),
        ({"regions": WHERE[:4]}, r"regions have shape \(4,\) beside 10 targets"),
        ({"listeners": np.array([*WHO[:-1], None], object)}, "listener of target 9 is missing"),
        ({"regions": np.full(10, None)}, "no target is in a region"),
    ],
)
def test_wrong_regions_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        depth_by_region(**{"depth": DEPTH, "listeners": WHO, "regions": WHERE} | change)


# --- comparison -----------------------------------------------------------------------------


def table(depth, regions):
    """A DepthByRegion with the given depth, (n_listeners, n_regions), from one target each."""
    depth = np.asarray(depth, float)
    n, m = depth.shape
    who = np.repeat([f"s{i}" for i in range(n)], m)
    return depth_by_region(depth.ravel(), who, np.tile(regions, n))


@pytest.mark.parametrize("n", [1, 2, 5, 6, 8, 12, 20, 30])
def test_p_equals_scipy_without_ties(n):
    rng = np.random.default_rng(n)
    for shift in (0.0, 0.3, 1.0):
        d = rng.standard_normal(n) + shift
        expected = scipy.stats.wilcoxon(d, method="exact").pvalue
        assert signed_rank_p(d) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_p_with_ties_and_zeros_counts_all_patterns_of_signs(seed):
    rng = np.random.default_rng(seed)
    d = rng.integers(-2, 4, 9) / 10
    nonzero = d[d != 0]
    ranks = scipy.stats.rankdata(np.abs(nonzero))
    sums = [np.dot(signs, ranks) for signs in itertools.product([0, 1], repeat=len(nonzero))]
    seen = ranks[nonzero > 0].sum()
    lower, upper = np.mean(np.array(sums) <= seen), np.mean(np.array(sums) >= seen)
    assert signed_rank_p(d) == pytest.approx(min(1, 2 * min(lower, upper)), rel=1e-12)
    every_sign = scipy.stats.PermutationMethod(n_resamples=2 ** len(d))
    scipys = scipy.stats.wilcoxon(d, zero_method="wilcox", method=every_sign).pvalue
    assert signed_rank_p(d) == pytest.approx(scipys, rel=1e-9)


def test_sizes_equal_up_to_rounding_are_ties():
    assert 0.3 - 0.1 != 0.4 - 0.2
    d = np.array([0.3 - 0.1, -(0.4 - 0.2), 0.5, 0.6, 0.7, 0.8, 0.1 + 0.2 - 0.3])
    exact = np.array([0.2, -0.2, 0.5, 0.6, 0.7, 0.8])
    assert signed_rank_p(d) == signed_rank_p(exact)


def test_equal_depths_have_p_1():
    assert signed_rank_p(np.zeros(7)) == signed_rank_p(np.array([NAN])) == 1


def test_regions_are_compared_with_the_reference():
    rng = np.random.default_rng(3)
    depth = rng.uniform(0, 0.6, (9, 4))
    depth[:, 2] += 0.3
    depth[4, 3] = NAN
    found = compare_regions(table(depth, ["L", "Primary", "A", "Q"]))
    assert found.regions == ("L", "A", "Q")
    difference = depth[:, [0, 2, 3]] - depth[:, [1]]
    np.testing.assert_allclose(found.difference, difference, atol=1e-12)
    np.testing.assert_array_equal(found.n_listeners, [9, 9, 8])
    for j in range(3):
        d = difference[~np.isnan(difference[:, j]), j]
        assert found.mean[j] == pytest.approx(d.mean())
        assert found.stderr[j] == pytest.approx(scipy.stats.sem(d))
        assert found.p[j] == pytest.approx(scipy.stats.wilcoxon(d, method="exact").pvalue)
    # Benjamini & Hochberg by hand: from the largest p down, the smallest of p * m / rank so far
    order = np.argsort(found.p)
    by_hand = np.minimum.accumulate((found.p[order] * 3 / [1, 2, 3])[::-1])[::-1]
    np.testing.assert_allclose(found.q[order], by_hand)
    assert found.notes == ("", "", "")


def test_few_listeners_are_not_tested_and_that_is_said():
    depth = np.array([[0.0, 0.5, 0.2, 0.1]] * 6) + 0.01 * np.arange(6)[:, None] ** 2
    depth[:, 1] += 0.02 * np.arange(6)
    depth[4:, 2] = NAN
    depth[5:, 3] = NAN
    found = compare_regions(table(depth, ["Primary", "L", "A", "Q"]))
    np.testing.assert_array_equal(found.n_listeners, [6, 4, 5])
    np.testing.assert_allclose(found.p, [0.03125, NAN, 0.0625])
    np.testing.assert_allclose(found.q, [0.0625, NAN, 0.0625])  # the refused one does not count
    assert found.notes[0] == ""
    assert re.match(
        "not tested: 4 listeners with both regions, expected at least 5", found.notes[1]
    )
    assert "smallest p there can be is 0.0625; one below 0.05 needs 6" in found.notes[2]


def test_listeners_without_a_difference_do_not_help_to_a_small_p():
    depth = np.array([[0.5, 0.5]] * 3 + [[0.25, 0.75]] * 4)
    found = compare_regions(table(depth, ["Primary", "L"]))
    assert found.n_listeners[0] == 7
    assert found.n_different[0] == 4
    assert found.p[0] == 0.125
    assert found.notes[0].startswith(
        "4 of 7 listeners differ: the smallest p there can be is 0.125"
    )


def test_no_comparison_can_be_tested():
    found = compare_regions(table([[0.1, 0.2]], ["Primary", "L"]))
    assert np.isnan([found.p[0], found.q[0], found.stderr[0]]).all()
    assert found.notes[0].startswith("not tested: 1 listener with both regions")


def test_a_comparison_needs_its_reference_and_another_region():
    with pytest.raises(InputError, match="reference is 'Core' and the regions are Primary, L"):
        compare_regions(table([[0.1, 0.2]], ["Primary", "L"]), reference="Core")
    with pytest.raises(InputError, match="and another one to compare"):
        compare_regions(table([[0.1]], ["Primary"]))
