"""Principal components of layers: those of scikit-learn, whatever the pieces they come in."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from heschl.errors import InputError
from heschl.probes import fit_components, n_components


def made_up(n, width, seed=0):
    """Features with a spectrum, and far from 0."""
    rng = np.random.default_rng(seed)
    scale = np.geomspace(3, 0.05, width)
    turn = np.linalg.qr(rng.standard_normal((width, width)))[0]
    x = rng.standard_normal((n, width)) * scale @ turn + 20 * rng.standard_normal(width)
    return x.astype(np.float32)


def chunks(x, sizes):
    return np.split(x, np.cumsum(sizes)[:-1])


@pytest.mark.parametrize(("n", "width"), [(200, 12), (30, 12), (12, 30), (25, 25), (13, 12)])
@pytest.mark.parametrize("n_kept", [1, 5, 11])
def test_projections_are_those_of_scikit_learn(n, width, n_kept):
    x, new = made_up(n, width), made_up(40, width, seed=1)
    found = fit_components(chunks(x, [n // 2, n // 4, n - n // 2 - n // 4]), n, width, n_kept)
    pca = PCA(n_kept, svd_solver="full").fit(x.astype(np.float64))
    signs = np.sign((found.axes * pca.components_).sum(axis=1))
    np.testing.assert_allclose(found.mean, pca.mean_, rtol=1e-9)
    np.testing.assert_allclose(signs[:, None] * found.axes, pca.components_, atol=1e-6)
    for rows in (x, new):
        expected = pca.transform(rows.astype(np.float64)) * signs
        np.testing.assert_allclose(found.transform(rows), expected, atol=2e-4)


def test_axes_point_to_their_largest_entry():
    found = fit_components([made_up(60, 9)], 60, 9, 9)
    assert (found.axes[np.arange(9), np.abs(found.axes).argmax(axis=1)] > 0).all()
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(9), atol=1e-9)


@pytest.mark.parametrize(("n", "width"), [(8, 20), (8, 8)])
def test_as_many_components_as_clips_have_an_empty_last_one(n, width):
    """Centring takes one dimension: nothing is known of the last axis."""
    x = made_up(n, width)
    found = fit_components([x], n, width, n)
    assert not found.axes[-1].any()
    assert found.axes[:-1].any(axis=1).all()
    assert not found.transform(made_up(5, width, seed=2))[:, -1].any()


def test_constant_features_have_no_components():
    found = fit_components([np.full((30, 4), 2.0, np.float32)], 30, 4, 3)
    assert not found.axes.any()
    np.testing.assert_allclose(found.mean, 2)


def test_pieces_do_not_matter():
    x = made_up(100, 10)
    one = fit_components([x], 100, 10, 10)
    other = fit_components(chunks(x, [1] * 100), 100, 10, 10)
    np.testing.assert_allclose(one.axes, other.axes, atol=1e-8)


def test_the_common_width():
    assert n_components(240, [1024, 96, 512]) == 96
    assert n_components(40, [1024, 96, 512]) == 40


def test_what_cannot_be_fitted_is_refused():
    x = made_up(10, 4)
    with pytest.raises(InputError, match="5 components of 10 clips with 4 features; expected at"):
        fit_components([x], 10, 4, 5)
    for n in (11, 3):
        with pytest.raises(InputError, match=f"10 training clips came; expected {n}"):
            fit_components([x], n, 4, 2)
