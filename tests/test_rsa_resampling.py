"""Ceilings, bootstrap and permutation of dissimilarity matrices against naive loops."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import naive_rsa
from heschl import rsa
from heschl.errors import InputError, UsageError
from naive_rsa import problem

N = 24
FOLDS = np.arange(N) % 5
TIGHT = {"rtol": 0, "atol": 1e-12}


def resamples(n_samples, n=N, seed=0):
    """Lists of drawn sounds, and how often each was."""
    drawn = np.random.default_rng(seed).integers(0, n, (n_samples, n))
    return drawn, np.stack([np.bincount(one, minlength=n) for one in drawn])


# ceilings


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("n_listeners", [2, 4])
def test_ceiling_equals_the_naive_one(n_listeners, decimals):
    _, brain = problem(n_listeners=n_listeners, decimals=decimals)
    found = rsa.ceiling(brain)
    lower, upper = naive_rsa.ceiling(brain)
    np.testing.assert_allclose(found.lower, lower, **TIGHT)
    np.testing.assert_allclose(found.upper, upper, **TIGHT)
    assert (found.upper > found.lower).all()
    assert found.why_not is None


def test_ceiling_within_regions_and_alone():
    _, brain = problem(n_listeners=4)
    brain = np.concatenate([brain, brain[:1], np.full((1, brain.shape[1]), np.nan)])
    found = rsa.ceiling(brain, ["a", "b", "a", "b", "c", "b"])
    for mine in ([0, 2], [1, 3]):
        apart = rsa.ceiling(brain[mine])
        np.testing.assert_array_equal(found.lower[mine], apart.lower)
        np.testing.assert_array_equal(found.upper[mine], apart.upper)
    assert np.isnan(found.lower).tolist() == [False] * 4 + [True] * 2
    assert np.isnan(found.upper).tolist() == [False] * 4 + [True] * 2
    assert "single listener" in found.why_not
    with pytest.raises(InputError, match="1 labels of regions for 6"):
        rsa.ceiling(brain, ["a"])


# bootstrap


@pytest.mark.parametrize("step", [None, 0.1, 0.2])
def test_bootstrap_equals_ranking_anew(step):
    model, brain = problem()
    if step is not None:  # many ties
        model, brain = (model / step).round(), (brain / step).round()
        assert len(np.unique(brain)) < 20
    drawn, counts = resamples(6)
    found = rsa.bootstrap(model[:3], brain, counts)
    every = rsa.bootstrap_layers(model, brain, counts)
    assert every.shape == (6, 3, 4)
    assert np.count_nonzero(every) > every.size / 2
    for s, sounds in enumerate(drawn):
        for g in range(3):
            full = naive_rsa.square(brain[g], N)
            for layer in range(len(model)):
                expected = naive_rsa.bootstrap(naive_rsa.square(model[layer], N), full, sounds)
                assert every[s, g, layer] == pytest.approx(expected, abs=1e-12)
            assert found[s, g] == pytest.approx(every[s, g, g], abs=1e-12)


def test_bootstrap_by_hand():
    """The pairs 1 1 2 2 3 and 1 1 3 3 2 have ranks 1.5 1.5 3.5 3.5 5 and 1.5 1.5 4.5 4.5 3."""
    found = rsa.bootstrap(np.array([[1.0, 2, 3]]), np.array([[1.0, 3, 2]]), np.array([[2, 1, 1]]))
    np.testing.assert_allclose(found, [[6 / 9]], **TIGHT)


def test_bootstrap_equals_rsatoolbox():
    model, brain = problem(n_layers=1)
    drawn, counts = resamples(3)
    found = rsa.bootstrap_layers(model, brain, counts)[:, :, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import
        from rsatoolbox.rdm import RDMs, compare
    one, several = RDMs(model), RDMs(brain)
    for sounds, rho in zip(drawn, found, strict=True):
        theirs = compare(
            one.subsample_pattern("index", sounds),
            several.subsample_pattern("index", sounds),
            method="spearman",
        )
        np.testing.assert_allclose(rho, theirs[0], **TIGHT)


def test_bootstrap_of_every_sound_once_is_the_score():
    model, brain = problem()
    once = np.ones((1, N), int)
    found = rsa.bootstrap_layers(model, brain, once)[0]
    np.testing.assert_array_equal(found, rsa.spearman(brain, model))


def test_rows_that_are_the_same_are_ranked_once_to_the_same_end():
    model, brain = problem()
    _, counts = resamples(20)
    every = rsa.bootstrap_layers(model, brain, counts)
    first, second = [2, 2, 0, 2, 0], [0, 1, 2, 0, 0]
    found = rsa.bootstrap(model[first], brain[second], counts)
    np.testing.assert_array_equal(found, every[:, second, first])


def test_bootstrap_in_pieces_and_threads():
    model, brain = problem(decimals=1)
    _, counts = resamples(50)
    counts[[7, 30]] = 0  # nothing drawn: left out of the pieces, still in its place
    one = rsa.bootstrap_layers(model, brain, counts, n_jobs=1)
    np.testing.assert_array_equal(rsa.bootstrap_layers(model, brain, counts, n_jobs=3), one)
    apart = [rsa.bootstrap_layers(model, brain, row[None])[0] for row in counts]
    np.testing.assert_array_equal(one, apart)
    assert np.isnan(one).all(axis=(1, 2)).nonzero()[0].tolist() == [7, 30]


def test_bootstrap_of_too_few_sounds_and_missing_rows():
    model, brain = problem()
    brain[1], model[2, 3] = np.nan, np.nan
    counts = np.zeros((3, N), int)
    counts[0, [3, 5]], counts[1], counts[2, [3, 5, 8]] = N // 2, 1, N // 3
    found = rsa.bootstrap(model[:3], brain, counts, n_jobs=2)
    assert np.isnan(found[0]).all()
    for sample in (1, 2):
        assert np.isnan(found[sample]).tolist() == [False, True, True]
    every = rsa.bootstrap_layers(model, brain, counts)
    assert np.isnan(every[0]).all()
    missing = np.zeros((3, 4), bool)
    missing[1], missing[:, 2] = True, True
    np.testing.assert_array_equal(np.isnan(every[1]), missing)


def test_bootstrap_of_what_does_not_vary():
    model, brain = problem()
    model[0] = 1.0
    _, counts = resamples(2)
    assert (rsa.bootstrap_layers(model, brain, counts)[:, :, 0] == 0).all()


@pytest.mark.parametrize("change", [lambda c: c[:, 1:], lambda c: c[0]])
def test_counts_of_another_shape(change):
    model, brain = problem()
    with pytest.raises(InputError, match=r"expected \(n_samples, 24\)"):
        rsa.bootstrap(model[:3], brain, change(resamples(2)[1]))


@pytest.mark.parametrize("change", [lambda c: c - 5, lambda c: c / 2])
def test_counts_that_are_none(change):
    model, brain = problem()
    with pytest.raises(InputError, match="expected whole numbers"):
        rsa.bootstrap_layers(model, brain, change(resamples(2)[1]))


def test_bootstrap_of_other_pairs():
    model, brain = problem()
    _, counts = resamples(2)
    with pytest.raises(InputError, match="the same"):
        rsa.bootstrap(model, brain, counts)
    with pytest.raises(InputError, match="model RDMs of shape"):
        rsa.bootstrap_layers(model[:, 1:], brain, counts)


# permutation


@pytest.mark.parametrize("decimals", [None, 1])
def test_permutations_move_rows_and_columns_together(decimals):
    model, brain = problem(decimals=decimals)
    found = rsa.permutation_null(model, brain, 5, 1)
    assert found.shape == (5, 3, 4)
    rng = np.random.default_rng(1)
    for sample in range(5):
        order = rng.permutation(N)
        moved = [naive_rsa.permuted(one, order) for one in model]
        np.testing.assert_allclose(found[sample], naive_rsa.all_rho(brain, moved), **TIGHT)


def test_the_null_has_no_mean_and_a_signal_stands_out():
    model, brain = problem()
    null = rsa.permutation_null(model, brain, 400, 0)
    assert (np.abs(null.mean(axis=0)) < 4 * null.std(axis=0) / np.sqrt(400)).all()
    assert (rsa.spearman(brain, model) > null.max(axis=0)).all()


def test_null_of_threads_and_missing_rows():
    model, brain = problem()
    brain[1], model[3] = np.nan, np.nan
    one = rsa.permutation_null(model, brain, 40, 3, n_jobs=1)
    np.testing.assert_array_equal(rsa.permutation_null(model, brain, 40, 3, n_jobs=3), one)
    missing = np.zeros((3, 4), bool)
    missing[1], missing[:, 3] = True, True
    assert (np.isnan(one) == missing).all()


@pytest.mark.parametrize("regions", [None, ["a", "b", "a"]])
def test_null_of_max_chooses_again(regions):
    model, brain = problem()
    found = rsa.null_scores(model, brain, FOLDS, 6, 2, protocol="pepino2025-max", regions=regions)
    rng = np.random.default_rng(2)
    for sample in range(6):
        order = rng.permutation(N)
        rho = naive_rsa.all_rho(brain, [naive_rsa.permuted(one, order) for one in model])
        for rows in [[0, 1, 2]] if regions is None else [[0, 2], [1]]:
            best = rho[rows].mean(axis=0).argmax()
            np.testing.assert_allclose(found[sample, rows], rho[rows, best], **TIGHT)


def test_null_of_crossval_moves_the_assembled_matrix():
    model, brain = problem()
    brain = np.concatenate([brain, np.full((1, brain.shape[1]), np.nan)])
    found = rsa.null_scores(model, brain, FOLDS, 5, 2)
    full = [naive_rsa.square(one, N) for one in model]
    rng = np.random.default_rng(2)
    orders = [rng.permutation(N) for _ in range(5)]
    for g in range(3):
        _, _, assembled = naive_rsa.crossval(naive_rsa.square(brain[g], N), full, FOLDS)
        for sample, order in enumerate(orders):
            moved = naive_rsa.permuted(naive_rsa.upper(assembled), order)
            assert found[sample, g] == pytest.approx(naive_rsa.rho(brain[g], moved), abs=1e-12)
    assert np.isnan(found[:, 3]).all()


def test_no_permutations():
    model, brain = problem()
    with pytest.raises(UsageError, match="n_permutations is 0"):
        rsa.permutation_null(model, brain, 0, 1)
    with pytest.raises(UsageError, match="n_permutations is -1"):
        rsa.null_scores(model, brain, FOLDS, -1, 1)
