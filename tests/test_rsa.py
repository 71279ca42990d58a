"""Representational similarity against naive loops, scipy, rsatoolbox, and cases solved by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

import naive_rsa
from heschl import rsa
from heschl.errors import InputError, UnknownNameError
from heschl.rsa.ranks import Ranked, weighted_rho

N = 24
FOLDS = np.arange(N) % 5
TIGHT = {"rtol": 0, "atol": 1e-12}


def problem(seed=0, n_layers=4, n_listeners=3, n=N, decimals=None):
    """Layers and listeners (upper triangles) that share a latent code; ties if rounded."""
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((n, 6))

    def entries(n_features, noise):
        x = latent @ rng.standard_normal((6, n_features))
        one = rsa.upper_triangle(rsa.rdm(x + noise * rng.standard_normal(x.shape)))
        return one if decimals is None else one.round(decimals)

    model = np.stack([entries(30, 1 + k) for k in range(n_layers)])
    brain = np.stack([entries(50, 3) for _ in range(n_listeners)])
    return model, brain


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


def test_rdm_in_blocks(monkeypatch):
    x = np.random.default_rng(0).standard_normal((12, 100))
    whole = rsa.rdm(x)
    monkeypatch.setattr("heschl.rsa.dissimilarity.BLOCK", 7)
    np.testing.assert_allclose(rsa.rdm(x), whole, **TIGHT)
    assert (rsa.rdm(x) == rsa.rdm(x).T).all()


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


def test_nan_is_refused():
    x = np.ones((5, 4))
    x[2, 2] = np.nan
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
    values = rng.standard_normal((2, 50)) if decimals is None else rng.normal(size=(2, 50)).round(1)
    weights = rng.integers(0, 4, 50).astype(float)
    found = Ranked(values).centred(weights)
    for row, one in zip(values, found, strict=True):
        repeated = np.repeat(row, weights.astype(int))
        ranks = rankdata(repeated)
        expected = 2 * (ranks - ranks.mean())
        np.testing.assert_allclose(np.repeat(one, weights.astype(int)), expected, atol=1e-9)


@pytest.mark.parametrize("decimals", [None, 1])
def test_spearman_equals_scipy(decimals):
    model, brain = problem(decimals=decimals)
    expected = [[spearmanr(a, b).statistic for b in model] for a in brain]
    np.testing.assert_allclose(rsa.spearman(brain, model), expected, **TIGHT)


def test_spearman_of_constant_and_missing_rows():
    model, brain = problem()
    brain[0], brain[1, 4] = 2.0, np.nan
    found = rsa.spearman(brain, model)
    assert (found[0] == 0).all()
    assert np.isnan(found[1]).all()
    assert (found[2] > 0).all()


def test_zero_weight_everywhere_is_undefined():
    ranks = Ranked(np.random.default_rng(0).standard_normal((1, 10)))
    nothing = np.zeros(10)
    assert weighted_rho(ranks.centred(nothing), ranks.centred(nothing), nothing) == 0


# scores


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("folds", [FOLDS, np.array([0] * 3 + [1] * 8 + [2] * 6 + [3] * 7)])
def test_crossval_equals_the_naive_one(folds, decimals):
    model, brain = problem(decimals=decimals)
    found = rsa.score_rdms(model, brain, folds)
    full = [naive_rsa.square(one, N) for one in model]
    several = set()
    for g in range(len(brain)):
        rho, chosen = naive_rsa.crossval(naive_rsa.square(brain[g], N), full, folds)
        assert found.rho[g] == pytest.approx(rho, abs=1e-12)
        assert found.layer_index[g].tolist() == chosen
        several |= set(chosen)
    assert len(several) > 1  # otherwise this says little
    np.testing.assert_allclose(found.layer_rho, rsa.spearman(brain, model), **TIGHT)


def test_the_mask_is_not_symmetric():
    """With folds i < j an entry in row i is held out; one in column i and row j is not."""
    n, folds = 4, np.array([0, 1, 0, 1])
    rng = np.random.default_rng(3)
    model, brain = rng.random((3, 6)), rng.random((1, 6))
    found = rsa.score_rdms(model, brain, folds)
    full = [naive_rsa.square(one, n) for one in model]
    _, chosen = naive_rsa.crossval(naive_rsa.square(brain[0], n), full, folds)
    assert found.layer_index[0].tolist() == chosen
    # pairs in order 01 02 03 12 13 23: (0, 0) holds out all with row or column in fold 0,
    # (0, 1) those with row 0 or 2 or column 1 or 3: 01 02 03 13 23; (1, 1) all but 02
    expected = np.empty(6)
    for held, layer in zip(
        [[0, 1, 2, 3, 5], [0, 1, 2, 4, 5], [0, 2, 3, 4, 5]], chosen, strict=True
    ):
        expected[held] = model[layer][held]
    np.testing.assert_array_equal(found.model[0], expected)


def test_the_first_of_equal_layers_wins():
    model, brain = problem()
    twice = np.concatenate([model[2:3], model, model])
    found = rsa.score_rdms(twice, brain, FOLDS)
    assert found.layer_index.max() <= 4
    assert not (found.layer_index == 3).any()  # the same as the first
    best = rsa.score_rdms(twice, brain, FOLDS, protocol="pepino2025-max").layer_index
    assert best.max() <= 4


def test_max_is_the_best_layer_over_listeners():
    model, brain = problem(1)
    found = rsa.score_rdms(model, brain, FOLDS, protocol="pepino2025-max")
    rho = np.array([[spearmanr(a, b).statistic for b in model] for a in brain])
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
    assert one.layers == tuple(features)
    model = np.stack([rsa.upper_triangle(rsa.rdm(x)) for x in features.values()])
    np.testing.assert_array_equal(one.rho, rsa.score_rdms(model, brain, FOLDS).rho)


def test_a_permutation_of_the_sounds_changes_nothing():
    """Of sounds and their folds within folds' order: the mask looks at rows before columns."""
    model, brain = problem(5)
    order = np.random.default_rng(0).permutation(N)
    place = np.triu_indices(N, 1)

    def moved(entries):
        return np.stack([naive_rsa.square(e, N)[np.ix_(order, order)][place] for e in entries])

    found = rsa.spearman(moved(brain), moved(model))
    np.testing.assert_allclose(found, rsa.spearman(brain, model), **TIGHT)


def test_wrong_input():
    model, brain = problem()
    with pytest.raises(InputError, match="23 folds for 24 sounds"):
        rsa.score_rdms(model, brain, FOLDS[:-1])
    with pytest.raises(InputError, match="expected"):
        rsa.score_rdms(model, brain[:, :-1], FOLDS)
    with pytest.raises(InputError, match="at least one layer"):
        rsa.score({}, brain, FOLDS)
    with pytest.raises(InputError, match=r"layer .x..*one row for each sound"):
        rsa.score({"x": np.ones((3, 3))}, brain, FOLDS)
    with pytest.raises(UnknownNameError, match="pepino2025-max"):
        rsa.score_rdms(model, brain, FOLDS, protocol="pepino-max")
    with pytest.raises(InputError, match="2 labels of regions for 3"):
        rsa.score_rdms(model, brain, FOLDS, regions=["a", "b"])


# ceilings


def test_ceiling_equals_the_naive_one():
    _, brain = problem(n_listeners=4)
    found = rsa.ceiling(brain)
    for g in range(4):
        others = np.mean([brain[k] for k in range(4) if k != g], axis=0)
        assert found.lower[g] == pytest.approx(spearmanr(brain[g], others).statistic, abs=1e-12)
        everyone = spearmanr(brain[g], brain.mean(axis=0)).statistic
        assert found.upper[g] == pytest.approx(everyone, abs=1e-12)
    assert (found.upper > found.lower).all()
    assert found.why_not is None


def test_ceiling_within_regions_and_alone():
    _, brain = problem(n_listeners=4)
    brain = np.concatenate([brain, brain[:1], np.full((1, brain.shape[1]), np.nan)])
    found = rsa.ceiling(brain, ["a", "b", "a", "b", "c", "b"])
    apart = rsa.ceiling(brain[[0, 2]])
    np.testing.assert_array_equal(found.lower[[0, 2]], apart.lower)
    np.testing.assert_array_equal(np.isnan(found.lower), [False] * 4 + [True] * 2)
    assert "single listener" in found.why_not


# resampling


@pytest.mark.parametrize("decimals", [None, 1])
def test_bootstrap_equals_ranking_anew(decimals):
    model, brain = problem(decimals=decimals)
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, N, (6, N))
    counts = np.stack([np.bincount(one, minlength=N) for one in drawn])
    found = rsa.bootstrap(model[:3], brain, counts)
    every = rsa.bootstrap_layers(model, brain, counts)
    for s, sounds in enumerate(drawn):
        for g in range(3):
            full = naive_rsa.square(brain[g], N)
            for layer in range(len(model)):
                expected = naive_rsa.bootstrap(naive_rsa.square(model[layer], N), full, sounds)
                assert every[s, g, layer] == pytest.approx(expected, abs=1e-12)
            assert found[s, g] == pytest.approx(every[s, g, g], abs=1e-12)


def test_bootstrap_of_every_sound_once_is_the_score():
    model, brain = problem()
    once = np.ones((1, N), int)
    found = rsa.bootstrap_layers(model, brain, once)[0]
    np.testing.assert_allclose(found, rsa.spearman(brain, model), **TIGHT)


def test_bootstrap_of_too_few_sounds_and_missing_rows():
    model, brain = problem()
    brain[1] = np.nan
    counts = np.zeros((2, N), int)
    counts[0, [3, 5]], counts[1] = N // 2, 1
    found = rsa.bootstrap(model[:3], brain, counts, n_jobs=2)
    assert np.isnan(found[0]).all()
    assert np.isnan(found[1]).tolist() == [False, True, False]
    with pytest.raises(InputError, match=r"expected \(n_samples, 24\)"):
        rsa.bootstrap(model[:3], brain, counts[:, 1:])
    with pytest.raises(InputError, match="the same"):
        rsa.bootstrap(model, brain, counts)


def test_permutations_move_rows_and_columns_together():
    model, brain = problem()
    found = rsa.permutation_null(model[:3], brain, n_permutations=5, seed=1)
    rng = np.random.default_rng(1)
    for sample in range(5):
        order = rng.permutation(N)
        for g in range(3):
            moved = naive_rsa.square(model[g], N)[np.ix_(order, order)]
            expected = spearmanr(naive_rsa.upper(moved), brain[g]).statistic
            assert found[sample, g] == pytest.approx(expected, abs=1e-12)


def test_the_null_has_no_mean_and_a_signal_stands_out():
    model, brain = problem()
    null = rsa.permutation_null(model[:3], brain, n_permutations=400, seed=0)
    assert abs(null.mean()) < 4 * null.std() / np.sqrt(400)
    assert (np.diag(rsa.spearman(model[:3], brain)) > null.max(axis=0)).all()
