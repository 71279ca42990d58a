"""Representational similarity on drawn matrices, beside scipy and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import pdist

import naive_rsa as naive
from drawn_arrays import AWKWARD, LAYOUTS, SEEDS, drawn, folds, laid_out
from heschl import rsa
from heschl.errors import InputError
from heschl.rsa.dissimilarity import count_sounds
from heschl.rsa.ranks import Ranked, weighted_rho

TIED = st.sampled_from((0.0, -0.0, 0.5, 1.0, 1.0 + 2**-52, 2.0, -3.0, 1e150, np.inf, -np.inf))


@st.composite
def patterns(draw):
    """(n_sounds, n), no column constant."""
    return drawn(draw(SEEDS), draw(st.integers(3, 12)), draw(st.integers(2, 30)))


@settings(max_examples=40, deadline=None)
@given(x=patterns(), layout=st.sampled_from(LAYOUTS), kind=st.sampled_from((float, np.float32)))
def test_dissimilarities_are_scipys(x, layout, kind):
    x = x.astype(kind)
    z = scipy.stats.zscore(x.astype(float), axis=0)
    found = rsa.rdm(laid_out(x, layout))
    np.testing.assert_allclose(rsa.upper_triangle(found), pdist(z, "correlation"), atol=1e-6)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diag(found), 0)
    assert found.min() >= -1e-12
    assert found.max() <= 2 + 1e-12


@settings(max_examples=25, deadline=None)
@given(x=patterns(), seed=SEEDS)
def test_unit_origin_and_order_of_columns_do_not_matter_and_sounds_move(x, seed):
    rng = np.random.default_rng(seed)
    n_sounds, n = x.shape
    order = rng.permutation(n_sounds)
    other = x * 10.0 ** rng.integers(2, 100, n) + rng.choice([0.0, 7.0], n)
    found = rsa.rdm(other[order][:, rng.permutation(n)])
    np.testing.assert_allclose(found, rsa.rdm(x)[np.ix_(order, order)], atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(x=arrays(np.float64, (4, 3), elements=st.one_of(AWKWARD, st.just(np.nan))))
def test_every_table_has_dissimilarities_or_is_refused(x):
    if np.isnan(x).any():
        with pytest.raises(InputError, match="nan"):
            rsa.rdm(x)
        return
    found = rsa.rdm(x)
    assert found.min() >= -1e-12
    assert found.max() <= 2 + 1e-12


@settings(max_examples=40, deadline=None)
@given(a=arrays(np.float64, (2, 15), elements=TIED), b=arrays(np.float64, (3, 15), elements=TIED))
def test_rho_is_scipys_with_ties_and_infinite_entries(a, b):
    found = rsa.spearman(a, b)
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            flat = (one == one[0]).all() or (other == other[0]).all()
            rho = 0.0 if flat else scipy.stats.spearmanr(one, other).statistic
            assert found[i, j] == pytest.approx(rho, abs=1e-12)
    np.testing.assert_allclose(rsa.spearman(-a, b), -found, atol=1e-12)
    np.testing.assert_array_equal(rsa.spearman(2 * a, b), found)  # the order alone, to the bit


@settings(max_examples=30, deadline=None)
@given(
    values=arrays(np.float64, (2, 8), elements=st.sampled_from((0.0, 1.0, 2.0, 3.0))),
    weights=arrays(np.int64, 8, elements=st.integers(0, 5)),
)
def test_weighted_ranks_are_ranks_of_repeated_values(values, weights):
    repeated = np.repeat(values, weights, axis=1)
    ranked = Ranked(values)
    found = ranked.centred(weights)
    for row, all_of_them in zip(found, repeated, strict=True):
        if not weights.sum():
            continue
        midranks = scipy.stats.rankdata(all_of_them)
        expected = 2 * (midranks - midranks.mean())
        np.testing.assert_allclose(np.repeat(row, weights), expected, atol=1e-12)
    rho = weighted_rho(found[:1], found[1:], weights)[0, 0]
    usable = weights.sum() > 1 and np.ptp(repeated[0]) and np.ptp(repeated[1])
    expected = scipy.stats.spearmanr(*repeated).statistic if usable else 0.0
    assert rho == pytest.approx(expected, abs=1e-12)


@st.composite
def matrices(draw, n_sounds, n_rows):
    """Upper triangles, with ties or without."""
    x = np.abs(drawn(draw(SEEDS), n_rows, n_sounds * (n_sounds - 1) // 2))
    return np.round(x, draw(st.sampled_from((0, 1, 15))))


@settings(max_examples=20, deadline=None)
@given(data=st.data(), n_sounds=st.integers(3, 8))
def test_resamples_are_ranked_anew(data, n_sounds):
    a, b = data.draw(matrices(n_sounds, 2)), data.draw(matrices(n_sounds, 2))
    rng = np.random.default_rng(data.draw(SEEDS))
    drawn_sounds = rng.integers(0, n_sounds, (4, n_sounds))
    counts = np.stack([np.bincount(one, minlength=n_sounds) for one in drawn_sounds])
    found = rsa.bootstrap(a, b, counts, n_jobs=1)
    layers = rsa.bootstrap_layers(b, a, counts, n_jobs=1)
    for sample, sounds in enumerate(drawn_sounds):
        for i in range(2):
            for j in range(2):
                first, second = naive.square(a[i], n_sounds), naive.square(b[j], n_sounds)
                few = len(set(sounds)) < 3
                rho = np.nan if few else naive.bootstrap(first, second, np.sort(sounds))
                assert layers[sample, i, j] == pytest.approx(rho, abs=1e-12, nan_ok=True)
            assert found[sample, i] == pytest.approx(layers[sample, i, i], abs=1e-12, nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(data=st.data(), n_sounds=st.integers(8, 12))
def test_layers_are_chosen_and_assembled_as_in_a_loop(data, n_sounds):
    model, brain = data.draw(matrices(n_sounds, 3)), data.draw(matrices(n_sounds, 2))
    labels = data.draw(folds(n_sounds, fewest=4, most=4))
    found = rsa.score_rdms(model, brain, labels, n_jobs=1)
    squares = [naive.square(one, n_sounds) for one in model]
    for group in range(2):
        rho, chosen, assembled = naive.crossval(
            naive.square(brain[group], n_sounds), squares, labels
        )
        assert found.rho[group] == pytest.approx(rho, abs=1e-12)
        if (brain == np.round(brain)).all():
            continue  # layers may be equally good up to the rounding of another sum
        np.testing.assert_array_equal(found.layer_index[group], chosen)
        np.testing.assert_array_equal(found.model[group], naive.upper(assembled))


@settings(max_examples=20, deadline=None)
@given(data=st.data(), n_sounds=st.integers(3, 9))
def test_the_order_of_sounds_does_not_matter_to_the_best_layer(data, n_sounds):
    model, brain = data.draw(matrices(n_sounds, 3)), data.draw(matrices(n_sounds, 3))
    order = np.random.default_rng(data.draw(SEEDS)).permutation(n_sounds)
    plain, other = (
        rsa.score_rdms(a, b, np.zeros(n_sounds, int), protocol="pepino2025-max")
        for a, b in (
            (model, brain),
            tuple(np.stack([naive.permuted(x, order) for x in rows]) for rows in (model, brain)),
        )
    )
    np.testing.assert_array_equal(other.rho, plain.rho)  # of whole numbers: to the bit
    np.testing.assert_array_equal(other.layer_index, plain.layer_index)
    means = naive.all_rho(brain, model).mean(axis=0)
    assert means[plain.layer_index[0, 0]] == pytest.approx(means.max(), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(data=st.data(), n_listeners=st.integers(1, 4), gone=st.booleans())
def test_ceilings_are_those_of_a_loop(data, n_listeners, gone):
    brain = data.draw(matrices(6, n_listeners))
    regions = data.draw(st.lists(st.sampled_from("ab"), min_size=n_listeners, max_size=n_listeners))
    if gone:
        brain[0, 0] = np.nan
    found = rsa.ceiling(brain, regions)
    for label in set(regions):
        rows = [i for i, name in enumerate(regions) if name == label and not (gone and i == 0)]
        if len(rows) < 2:
            assert np.isnan(found.lower[rows]).all()
            continue
        lower, upper = naive.ceiling(brain[rows])
        np.testing.assert_allclose(found.lower[rows], lower, atol=1e-12)
        np.testing.assert_allclose(found.upper[rows], upper, atol=1e-12)
    assert not gone or np.isnan(found.lower[0])


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 3000))
def test_the_number_of_sounds_is_known_from_that_of_pairs(n):
    pairs = n * (n - 1) // 2
    assert count_sounds(pairs) == n
    if n > 2:
        with pytest.raises(InputError, match="triangle"):
            count_sounds(pairs + 1)


@settings(max_examples=20, deadline=None)
@given(x=patterns(), data=st.data())
def test_groups_of_targets_have_the_dissimilarities_of_their_columns(x, data):
    n = x.shape[1]
    names = st.sampled_from(("a", "b", None, float("nan")))
    groups = data.draw(st.lists(names, min_size=n, max_size=n))
    x = x.copy()
    x[0, 0] = np.nan
    labels, found = rsa.brain_rdms(x, groups)
    assert labels == tuple(dict.fromkeys(name for name in groups if isinstance(name, str)))
    for label, one in zip(labels, found, strict=True):
        mine = [i for i, name in enumerate(groups) if name == label and i != 0]
        if len(mine) < 2:
            assert np.isnan(one).all()
        else:
            expected = rsa.upper_triangle(naive.rdm(x[:, mine]))
            np.testing.assert_allclose(one, expected, atol=1e-7)


def test_lists_are_taken_for_arrays():
    x, brain = drawn(0, 6, 5), rsa.upper_triangle(rsa.rdm(drawn(1, 6, 5)))[None]
    plain = rsa.score({"layer": x}, brain, np.arange(6) % 3, show_progress=False)
    other = rsa.score(
        {"layer": x.tolist()}, brain.tolist(), [0, 1, 2, 0, 1, 2], show_progress=False
    )
    np.testing.assert_array_equal(other.rho, plain.rho)
    np.testing.assert_array_equal(other.layer_index, plain.layer_index)
