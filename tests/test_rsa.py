"""Representational similarity against naive loops, scipy, rsatoolbox, and cases solved by hand."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest
from scipy.stats import rankdata

import naive_rsa
from heschl import rsa
from heschl.errors import InputError, UnknownNameError
from heschl.rsa.choice import assemble, held_out_entries
from heschl.rsa.ranks import Ranked, weighted_rho
from naive_rsa import problem

N = 24
FOLDS = np.arange(N) % 5
TIGHT = {"rtol": 0, "atol": 1e-12}


# matrices


@pytest.mark.parametrize("n_columns", [2, 7, 300])
def test_rdm_equals_the_naive_one(n_columns):
    x = np.random.default_rng(n_columns).standard_normal((12, n_columns)) * 3 + 5
    np.testing.assert_allclose(rsa.rdm(x), naive_rsa.rdm(x), **TIGHT)


def test_rdm_of_three_sounds_by_hand():
    """Columns 1 2 3 and 1 2 3 and 3 2 1 have the z-scores -c 0 c and c 0 -c, c = sqrt(3 / 2)."""
    x = np.array([[1.0, 1, 3], [2, 2, 2], [3, 3, 1]])
    expected = np.array([[0.0, 1, 2], [1, 0, 1], [2, 1, 0]])  # the second row does not vary
    np.testing.assert_allclose(rsa.rdm(x), expected, atol=1e-9)
    np.testing.assert_allclose(rsa.upper_triangle(rsa.rdm(x)), [1, 2, 1], atol=1e-9)


@pytest.mark.parametrize("block", [1, 7, 99, 100])
def test_rdm_in_blocks(monkeypatch, block):
    x = np.random.default_rng(0).standard_normal((12, 100)) + np.linspace(0, 50, 100)
    monkeypatch.setattr("heschl.rsa.dissimilarity.BLOCK", block)
    found = rsa.rdm(x)
    np.testing.assert_allclose(found, naive_rsa.rdm(x), **TIGHT)
    assert (found == found.T).all()
    assert (np.diag(found) == 0).all()


def test_rdm_of_many_columns_needs_little_memory():
    x = np.random.default_rng(0).standard_normal((10, 200_000)).astype(np.float32)
    expected = naive_rsa.rdm(x.astype(np.float64))
    tracemalloc.start()
    try:
        found = rsa.rdm(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(found, expected, **TIGHT)
    assert peak < x.nbytes / 4


def test_rows_that_do_not_vary_correlate_with_none():
    x = np.random.default_rng(0).standard_normal((6, 1)).repeat(5, axis=1)  # the same z everywhere
    np.testing.assert_array_equal(rsa.rdm(x), 1 - np.eye(6))


def test_constant_columns_say_nothing():
    x = np.random.default_rng(0).standard_normal((12, 10))
    with_constant = np.hstack([x, np.full((12, 1), 3.0)])
    # a zero in every pattern moves its mean: what the published formula does
    np.testing.assert_allclose(rsa.rdm(with_constant), naive_rsa.rdm(with_constant), atol=1e-9)


def test_scale_and_offset_of_columns_do_not_matter():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((12, 40))
    moved = x * rng.uniform(1, 9, 40) + rng.standard_normal(40)
    np.testing.assert_allclose(rsa.rdm(moved), rsa.rdm(x), atol=1e-8)


@pytest.mark.parametrize("x", [np.ones((5, 1)), np.ones((1, 5)), np.ones(5)])
def test_too_small_for_patterns(x):
    with pytest.raises(InputError, match="at least two of each"):
        rsa.rdm(x)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_refused(value):
    x = np.ones((5, 4))
    x[2, 2] = value
    with pytest.raises(InputError, match="nan or infinity"):
        rsa.rdm(x)


def test_brain_rdms_by_listener():
    y = np.random.default_rng(0).standard_normal((10, 9))
    y[3, 0] = np.nan  # left out
    groups = ["b", "b", "b", "a", "a", None, "c", float("nan"), "c"]
    y[:, 8] = np.nan
    names, rdms = rsa.brain_rdms(y, groups)
    assert names == ("b", "a", "c")
    np.testing.assert_allclose(rdms[0], naive_rsa.upper(naive_rsa.rdm(y[:, 1:3])), **TIGHT)
    np.testing.assert_allclose(rdms[1], naive_rsa.upper(naive_rsa.rdm(y[:, 3:5])), **TIGHT)
    assert np.isnan(rdms[2]).all()  # one voxel is no pattern
    with pytest.raises(InputError, match="3 labels of groups for 9 targets"):
        rsa.brain_rdms(y, ["a", "b", "c"])
    with pytest.raises(InputError, match="the mean over repetitions"):
        rsa.brain_rdms(y[:, :, None], groups)


def test_brain_rdms_of_arrays_of_labels():
    y = np.random.default_rng(0).standard_normal((10, 4))
    names, rdms = rsa.brain_rdms(y.astype(np.float32), np.array([2, 1, 2, 1]))
    assert names == ("2", "1")
    assert rdms.shape == (2, 45)
    assert rdms.dtype == np.float64


def test_the_upper_triangle_is_read_row_by_row():
    matrix = np.arange(16.0).reshape(4, 4)
    assert rsa.upper_triangle(matrix).tolist() == [1, 2, 3, 6, 7, 11]
    with pytest.raises(InputError, match=r"\(3, 4\)"):
        rsa.upper_triangle(matrix[:3])


def test_the_plain_comparison_equals_rsatoolbox():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rsatoolbox.data import Dataset
        from rsatoolbox.rdm import calc_rdm, compare

        rng = np.random.default_rng(0)
        patterns = [rng.standard_normal((15, 40)) for _ in range(3)]
        scored = [(x - x.mean(0)) / (x.std(0) + 1e-10) for x in patterns]
        theirs = [calc_rdm(Dataset(z), method="correlation") for z in scored]
        rho = np.array([[compare(a, b, method="spearman").item() for b in theirs] for a in theirs])
    ours = np.stack([rsa.upper_triangle(rsa.rdm(x)) for x in patterns])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other.get_vectors()[0], **TIGHT)
    np.testing.assert_allclose(rsa.spearman(ours, ours), rho, **TIGHT)


# ranks


@pytest.mark.parametrize("decimals", [None, 1, 0])
def test_weighted_ranks_are_those_of_repeated_values(decimals):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((2, 50))
    if decimals is not None:
        values = values.round(decimals)
    weights = rng.integers(0, 4, 50)
    found = Ranked(values).centred(weights)
    for row, one in zip(values, found, strict=True):
        repeated = np.repeat(row, weights)
        ranks = rankdata(repeated)
        expected = 2 * (ranks - ranks.mean())
        np.testing.assert_allclose(np.repeat(one, weights), expected, **TIGHT)


@pytest.mark.parametrize("decimals", [None, 1])
def test_spearman_equals_scipy(decimals):
    model, brain = problem(decimals=decimals)
    np.testing.assert_allclose(rsa.spearman(brain, model), naive_rsa.all_rho(brain, model), **TIGHT)


def test_spearman_by_hand():
    """Ranks 1.5 1.5 3 less 2, and 1 2 3 less 2: products 0.5 + 1, squares 1.5 and 2."""
    found = rsa.spearman(np.array([[4.0, 4, 9]]), np.array([[1.0, 2, 7], [7, 2, 1]]))
    np.testing.assert_allclose(found, [[1.5 / np.sqrt(3), -1.5 / np.sqrt(3)]], **TIGHT)


def test_spearman_depends_on_the_order_alone():
    model, brain = problem(decimals=1)
    np.testing.assert_array_equal(
        rsa.spearman(np.exp(3 * brain), model - 7), rsa.spearman(brain, model)
    )
    assert (np.diag(rsa.spearman(model, model)) == 1).all()


def test_spearman_of_other_pairs_is_refused():
    with pytest.raises(InputError, match="the same pairs"):
        rsa.spearman(np.ones((2, 6)), np.ones((2, 10)))
    with pytest.raises(InputError, match="two dimensions"):
        rsa.spearman(np.ones(6), np.ones((2, 6)))


def test_spearman_of_constant_and_missing_rows():
    model, brain = problem()
    brain[0], brain[1, 4] = 2.0, np.nan
    found = rsa.spearman(brain, model)
    assert (found[0] == 0).all()
    assert np.isnan(found[1]).all()
    assert (found[2] > 0).all()


def test_zero_weight_everywhere_is_undefined():
    ranks = Ranked(np.random.default_rng(0).standard_normal((1, 10)))
    nothing = np.zeros(10, int)
    assert weighted_rho(ranks.centred(nothing), ranks.centred(nothing), nothing) == 0


# scores


def assert_as_naive(found, model, brain, folds):
    n = len(folds)
    full = [naive_rsa.square(one, n) for one in model]
    for g in range(len(brain)):
        rho, chosen, assembled = naive_rsa.crossval(naive_rsa.square(brain[g], n), full, folds)
        assert found.rho[g] == pytest.approx(rho, abs=1e-12)
        assert found.layer_index[g].tolist() == chosen
        np.testing.assert_array_equal(found.model[g], naive_rsa.upper(assembled))


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("folds", [FOLDS, np.array([0] * 3 + [1] * 8 + [2] * 6 + [3] * 7)])
def test_crossval_equals_the_naive_one(folds, decimals):
    model, brain = problem(decimals=decimals)
    found = rsa.score_rdms(model, brain, folds)
    assert_as_naive(found, model, brain, folds)
    assert len(np.unique(found.layer_index)) > 1  # otherwise this says little
    assert not np.isnan(found.model).any()
    np.testing.assert_allclose(found.layer_rho, naive_rsa.all_rho(brain, model), **TIGHT)


def test_crossval_at_full_size():
    model, brain = problem(n_listeners=1, n=165)
    folds = np.random.default_rng(0).permutation(np.arange(165) % 5)
    found = rsa.score_rdms(model, brain, folds)
    assert found.layer_index.shape == (1, 15)
    assert_as_naive(found, model, brain, folds)


def test_the_mask_is_not_symmetric():
    """Six sounds in three folds 0 1 2 0 1 2, one listener and two layers, by hand.

    The brain is the first layer but for the pair of sounds 0 and 4 (row in fold 0, column in fold
    1), where it is the second. That pair is held out by (0, 0), (0, 1), (0, 2), (1, 1) but by no
    pair with the row in fold 1 or the column in fold 0 alone: (1, 2) and (2, 2) keep it.
    """
    folds = np.array([0, 1, 2, 0, 1, 2])
    row, column = np.triu_indices(6, 1)
    first = np.arange(15.0)
    second = np.where((row == 0) & (column == 4), 100, -first)
    brain = np.where((row == 0) & (column == 4), 100, first)[None]
    found = rsa.score_rdms(np.stack([second, first]), brain, folds)
    assert (found.layer_index == 1).all()  # but for one entry the brain is that layer
    np.testing.assert_array_equal(found.model[0], first)
    held = list(held_out_entries(folds))
    of_the_pair = [bool(one[(row == 0) & (column == 4)].item()) for one in held]
    assert of_the_pair == [True, True, True, True, False, False]
    mirrored = (row == 1) & (column == 3)  # row in fold 1, column in fold 0
    of_the_mirrored = [bool(one[mirrored].item()) for one in held]
    assert of_the_mirrored == [True, False, False, True, True, False]


def test_later_folds_overwrite_earlier_ones():
    model, _ = problem(n_layers=6)
    choices = np.arange(15)[None] % 6
    found = assemble(model, choices, FOLDS)[0]
    row, column = np.triu_indices(N, 1)
    pairs = [(i, j) for i in range(5) for j in range(i, 5)]
    for entry in range(len(row)):
        last = max(
            k
            for k, (i, j) in enumerate(pairs)
            if FOLDS[row[entry]] == i or FOLDS[column[entry]] == j
        )
        assert found[entry] == model[choices[0, last], entry]


@pytest.mark.parametrize("protocol", list(rsa.PROTOCOLS))
def test_the_first_of_equal_layers_wins(protocol):
    """Equal layers, and one with other values in the same order, have equal rho to the last bit."""
    model, brain = problem(n_layers=13, n_listeners=5, n=60)
    folds = np.arange(60) % 5
    found = rsa.score_rdms(model, brain, folds, protocol=protocol)
    repeated = rsa.score_rdms(
        np.concatenate([model, model, np.exp(model)]), brain, folds, protocol=protocol
    )
    np.testing.assert_array_equal(repeated.layer_index, found.layer_index)
    np.testing.assert_array_equal(repeated.rho, found.rho)


def test_max_is_the_best_layer_over_listeners():
    model, brain = problem(1)
    found = rsa.score_rdms(model, brain, FOLDS, protocol="pepino2025-max")
    rho = naive_rsa.all_rho(brain, model)
    best = rho.mean(axis=0).argmax()
    assert (found.layer_index == best).all()
    np.testing.assert_allclose(found.rho, rho[:, best], **TIGHT)


def test_max_is_chosen_within_regions():
    model, brain = problem(2, n_listeners=2)
    brain = np.stack([brain[0], brain[1], model[3], model[3]])
    labels = ["all", "all", "here", "here"]
    found = rsa.score_rdms(model, brain, FOLDS, protocol="pepino2025-max", regions=labels)
    apart = rsa.score_rdms(model, brain[:2], FOLDS, protocol="pepino2025-max")
    np.testing.assert_array_equal(found.layer_index[:2], apart.layer_index)
    assert (found.layer_index[2:] == 3).all()
    np.testing.assert_allclose(found.rho[2:], 1, **TIGHT)


@pytest.mark.parametrize("protocol", list(rsa.PROTOCOLS))
def test_missing_listeners_stay_missing(protocol):
    model, brain = problem()
    brain[1] = np.nan
    found = rsa.score_rdms(model, brain, FOLDS, protocol=protocol)
    apart = rsa.score_rdms(model, brain[[0, 2]], FOLDS, protocol=protocol)
    np.testing.assert_array_equal(found.rho[[0, 2]], apart.rho)
    assert np.isnan(found.rho[1])
    assert (found.layer_index[1] == -1).all()


def test_from_features_and_threads():
    rng = np.random.default_rng(0)
    features = {f"layer{k}": rng.standard_normal((N, 20 + k)).astype(np.float32) for k in range(5)}
    _, brain = problem()
    one = rsa.score(features, brain, FOLDS, n_jobs=1)
    two = rsa.score(features, brain, FOLDS, n_jobs=3)
    np.testing.assert_array_equal(one.rho, two.rho)
    np.testing.assert_array_equal(one.layer_index, two.layer_index)
    assert one.layers == tuple(features)
    model = np.stack([rsa.upper_triangle(rsa.rdm(x)) for x in features.values()])
    np.testing.assert_array_equal(one.rho, rsa.score_rdms(model, brain, FOLDS).rho)


def test_the_order_of_sounds_and_scale_of_features_do_not_matter():
    """For "max"; the mask of "crossval" looks at rows before columns, so there the order does."""
    rng = np.random.default_rng(0)
    features = {f"layer{k}": rng.standard_normal((N, 20 + k)) for k in range(3)}
    y = features["layer1"] + 2 * rng.standard_normal((N, 21))
    order = rng.permutation(N)

    def scored(change):
        _, brain = rsa.brain_rdms(change(y), ["a"] * 10 + ["b"] * 11)
        layers = {name: change(x) for name, x in features.items()}
        return rsa.score(layers, brain, FOLDS, protocol="pepino2025-max")

    found = scored(lambda x: x)
    for change in (lambda x: x[order], lambda x: 1000 * x + 3, lambda x: x / 8):
        moved = scored(change)
        np.testing.assert_array_equal(moved.layer_index, found.layer_index)
        np.testing.assert_allclose(moved.rho, found.rho, **TIGHT)


def test_wrong_input():
    model, brain = problem()
    with pytest.raises(InputError, match=r"folds have shape \(23,\).*each of 24 sounds"):
        rsa.score_rdms(model, brain, FOLDS[:-1])
    with pytest.raises(InputError, match=r"expected .n_groups, n_pairs. and"):
        rsa.score_rdms(model, brain[:, :-1], FOLDS)
    with pytest.raises(InputError, match="7 entries are not the upper triangle"):
        rsa.score_rdms(model[:, :7], brain[:, :7], FOLDS)
    with pytest.raises(UnknownNameError, match="pepino2025-max"):
        rsa.score_rdms(model, brain, FOLDS, protocol="pepino-max")
    with pytest.raises(InputError, match="2 labels of regions for 3"):
        rsa.score_rdms(model, brain, FOLDS, regions=["a", "b"])
    with pytest.raises(InputError, match="2 names of layers for 4"):
        rsa.score_rdms(model, brain, FOLDS, layers=["a", "b"])
    model[2, 5] = np.nan
    with pytest.raises(InputError, match="layer '2' holds nan"):
        rsa.score_rdms(model, brain, FOLDS)


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        (FOLDS - 1, "labelled -1"),
        (FOLDS * 2, "fold 1 is empty: no sound has that label"),
        (FOLDS / 2, "type float64"),
        (FOLDS * 0, "leave 0 pairs"),
    ],
)
def test_wrong_folds(folds, message):
    model, brain = problem()
    with pytest.raises(InputError, match=message):
        rsa.score_rdms(model, brain, folds)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({}, "at least one layer"),
        ({"x": np.ones((3, 3))}, r"layer 'x'.*one row for each sound"),
        ({"x": np.ones((N, 1))}, "layer 'x': .*at least two of each"),
        ({"x": np.full((N, 3), np.nan)}, "layer 'x': .*nan or infinity"),
    ],
)
def test_wrong_features(features, message):
    _, brain = problem()
    with pytest.raises(InputError, match=message):
        rsa.score(features, brain, FOLDS)


def test_layers_of_other_sounds_are_refused():
    with pytest.raises(InputError, match="layer 'b' has 5 rows, layer 'a' 4"):
        rsa.model_rdms({"a": np.ones((4, 3)), "b": np.ones((5, 3))})
