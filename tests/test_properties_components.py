"""Voxel decomposition on drawn responses: what must not matter, and what a brute force gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drawn_arrays import AWKWARD, LAYOUTS, SCALES, SEEDS, drawn, laid_out
from heschl.components import decompose, match
from heschl.components.negentropy import negentropy
from heschl.components.rotation import least_gaussian, random_rotation
from heschl.errors import InputError

QUIET = {"n_restarts": 2, "n_jobs": 1, "show_progress": False}


def white(seed, n, n_voxels):
    """Rows of mean 0, variance 1 and no correlation, some of them far from Gaussian."""
    x = drawn(seed, n, n_voxels) ** 3
    x -= x.mean(axis=1, keepdims=True)
    return np.linalg.svd(x, full_matrices=False)[2] * np.sqrt(n_voxels)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, n=st.integers(1, 4), n_voxels=st.integers(6, 60))
def test_order_and_sign_of_weights_do_not_change_their_negentropy(seed, n, n_voxels):
    rng = np.random.default_rng(seed)
    weights = white(seed, n, n_voxels)
    found = negentropy(weights)
    assert found.shape == (n,)
    turned = rng.choice([-1, 1], (n, 1)) * weights[:, rng.permutation(n_voxels)]
    np.testing.assert_allclose(negentropy(turned), found, atol=1e-12)
    order = rng.permutation(n)
    np.testing.assert_allclose(negentropy(weights[order]), found[order], atol=1e-12)
    # no distribution of that variance, blurred as much, is closer to a Gaussian than itself
    assert (found > -1e-9 - 1 / n_voxels).all()


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, n=st.integers(1, 4), n_voxels=st.integers(8, 50))
def test_a_search_turns_and_never_loses(seed, n, n_voxels):
    weights = white(seed, n, n_voxels)
    start = random_rotation(n, np.random.default_rng(seed))
    np.testing.assert_allclose(start @ start.T, np.eye(n), atol=1e-12)
    rotation, reached = least_gaussian(weights, start)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(n), atol=1e-10)
    np.testing.assert_allclose(reached, negentropy(rotation @ weights), atol=1e-12)
    assert reached.sum() >= negentropy(start @ weights).sum() - 1e-12
    # no pair gains by any of the small turns that are tried last
    for first, second in itertools.combinations(range(n), 2):
        pair = (rotation @ weights)[[first, second]]
        before = negentropy(pair).sum()
        for angle in np.deg2rad(0.05 * np.arange(-10, 11)):
            turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            assert negentropy(np.array(turn) @ pair).sum() <= before + 1e-6


@st.composite
def voxels(draw):
    """Responses (n_sounds, n_voxels) and a number of components that they have."""
    n_sounds, n_voxels = draw(st.integers(2, 9)), draw(st.integers(12, 40))
    seed = draw(SEEDS)
    n = draw(st.integers(1, min(3, n_sounds)))
    return drawn(seed, n_sounds, n_voxels) ** 3 + 0.5 * drawn(seed + 1, n_sounds, 1), n


@settings(max_examples=15, deadline=None)
@given(made_up=voxels(), scale=SCALES, seed=SEEDS, layout=st.sampled_from(LAYOUTS))
def test_a_decomposition_is_a_basis_of_the_principal_components(made_up, scale, seed, layout):
    y, n = made_up
    found = decompose(scale * laid_out(y, layout), n_components=n, **QUIET)
    varying = y - y.mean(axis=1, keepdims=True)
    left, size, _ = np.linalg.svd(varying, full_matrices=False)
    space = left[:, :n] @ left[:, :n].T
    np.testing.assert_allclose(found.responses @ found.weights / scale, space @ y, atol=1e-8)
    centred = found.weights - found.weights.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(centred @ centred.T / y.shape[1], np.eye(n), atol=1e-8)
    assert found.explained.sum() == pytest.approx((size[:n] ** 2).sum() / (size**2).sum())
    assert (np.diff(found.explained) <= 1e-12).all()
    assert (found.weights.mean(axis=1) > -1e-9).all()
    np.testing.assert_allclose(negentropy(centred), found.negentropy, atol=1e-7)
    assert found.negentropy.sum() == pytest.approx(found.start_negentropy.max(), abs=1e-7)
    order = np.random.default_rng(seed).permutation(y.shape[1])
    moved = decompose(y[:, order], n_components=n, **QUIET)
    # of so few voxels another order can, by rounding, end in another optimum; the space is one
    both = moved.responses @ moved.weights
    np.testing.assert_allclose(both, (space @ y)[:, order], atol=1e-8)
    assert moved.explained.sum() == pytest.approx(found.explained.sum())


@settings(max_examples=30, deadline=None)
@given(
    seed=SEEDS,
    n_found=st.integers(0, 4),
    n_reference=st.integers(1, 4),
    scales=st.tuples(SCALES, SCALES),
    ties=st.booleans(),
)
def test_no_other_pairing_is_better(seed, n_found, n_reference, scales, ties):
    found, reference = drawn(seed, 6, n_found), drawn(seed + 1, 6, n_reference)
    if ties:
        found, reference = np.round(found), np.round(reference)
    matched = match(scales[0] * found, scales[1] * reference)
    paired = matched.order >= 0
    assert paired.sum() == min(n_found, n_reference)
    r = np.zeros((n_reference, n_found))
    for i, j in itertools.product(range(n_reference), range(n_found)):
        if np.ptp(reference[:, i]) and np.ptp(found[:, j]):
            r[i, j] = np.corrcoef(reference[:, i], found[:, j])[0, 1]
    for i in np.flatnonzero(paired):
        assert matched.r[i] == pytest.approx(r[i, matched.order[i]], abs=1e-9)
        assert matched.sign[i] == (-1 if matched.r[i] < 0 else 1)
    assert len(set(matched.order[paired])) == paired.sum()
    np.testing.assert_array_equal(matched.sign[~paired], 0)
    assert np.isnan(matched.r[~paired]).all()
    few, many = sorted(r.shape)
    wide = np.abs(r if r.shape[0] == few else r.T)
    best = max(
        sum(wide[i, j] for i, j in enumerate(chosen))
        for chosen in itertools.permutations(range(many), few)
    )
    assert np.abs(matched.r[paired]).sum() == pytest.approx(best, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    y=arrays(np.float64, (4, 6), elements=st.one_of(AWKWARD, st.sampled_from((np.nan, np.inf)))),
    n=st.integers(1, 4),
)
def test_every_table_has_components_or_is_refused(y, n):
    try:
        found = decompose(y, n_components=n, **QUIET)
    except InputError:
        if np.isfinite(y).all():
            varying = y - y.mean(axis=1, keepdims=True)
            assert np.linalg.matrix_rank(varying, tol=1e-12 * np.linalg.norm(y)) < n
        return
    for numbers in (found.responses, found.weights, found.explained, found.negentropy):
        assert np.isfinite(numbers).all()
