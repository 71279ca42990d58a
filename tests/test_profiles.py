"""The score of every layer by itself is nested ridge regression with that layer alone."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn

import naive_ridge
from heschl.encode import layer_profiles, nested, nested_ridge
from heschl.errors import InputError, UnknownNameError

N = 40
FOLDS = np.random.default_rng(1).permutation(np.arange(N) % 4)


def problem():
    rng = np.random.default_rng(0)
    features = {
        "first": rng.standard_normal((N, 12)),
        "second": rng.standard_normal((N, 30)).astype(np.float32),
        "constant": np.ones((N, 2)),
    }
    y = np.empty((N, 7))
    y[:, :3] = features["first"] @ rng.standard_normal((12, 3)) + rng.standard_normal((N, 3))
    y[:, 3:] = features["second"][:, :4] @ rng.standard_normal((4, 4))
    y[5, 6] = np.nan
    return features, y


def test_each_row_is_nested_ridge_with_one_layer():
    features, y = problem()
    found = layer_profiles(features, y, FOLDS, show_progress=False)
    assert found.shape == (3, 7)
    for row, (name, x) in zip(found, features.items(), strict=True):
        np.testing.assert_array_equal(row, nested_ridge({name: x}, y, FOLDS).r2)
    np.testing.assert_array_equal(np.isnan(found), np.tile(np.arange(7) == 6, (3, 1)))
    np.testing.assert_array_equal(found[2, :6], 0)  # what never changes predicts nothing
    assert (found[0, :3] > found[1, :3]).all()
    assert (found[1, 3:6] > found[0, 3:6]).all()


def test_each_row_equals_the_naive_regression():
    features, y = problem()
    found = layer_profiles(features, y, FOLDS, show_progress=False)
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):  # quicker
        for i, name in enumerate(("first", "second")):
            for target in (0, 4):
                x = {name: np.asarray(features[name], np.float64)}
                r2, *_ = naive_ridge.nested_ridge(x, y[:, target], FOLDS)
                assert found[i, target] == pytest.approx(r2, abs=1e-9)


def test_neither_threads_nor_blocks_change_the_profiles():
    features, y = problem()
    one = layer_profiles(features, y, FOLDS, n_jobs=1)
    np.testing.assert_array_equal(one, layer_profiles(features, y, FOLDS, n_jobs=2))
    np.testing.assert_allclose(
        one, layer_profiles(features, y, FOLDS, block_size=2), rtol=0, atol=1e-12
    )


def test_a_later_layer_is_refused_before_the_work_on_the_first(monkeypatch):
    features, y = problem()

    def never(*args, **kwargs):
        raise AssertionError("long work has begun")

    monkeypatch.setattr(nested, "make_design", never)
    features["constant"] = np.ones((N - 1, 2))
    with pytest.raises(InputError, match=r"features of layer 'constant' have shape \(39, 2\)"):
        layer_profiles(features, y, FOLDS)
    with pytest.raises(InputError, match="no features were given"):
        layer_profiles({}, y, FOLDS)
    with pytest.raises(InputError, match="folds have shape"):
        layer_profiles({"first": features["first"]}, y, FOLDS[:-1])
    with pytest.raises(UnknownNameError, match="pepino"):
        layer_profiles({"first": features["first"]}, y, FOLDS, protocol="pepino")


def test_one_bar_counts_the_layers(monkeypatch):
    from contextlib import contextmanager

    from heschl.encode import profiles

    seen = []

    @contextmanager
    def bar(label, total, unit, *, show=True):
        seen.append((label, total, unit, show))
        yield lambda steps=1, /: seen.append(steps)

    monkeypatch.setattr(profiles.progress, "bar", bar)
    features, y = problem()
    layer_profiles(features, y, FOLDS)
    outer = [entry for entry in seen if entry != ("regression", 6, "targets", False)]
    # those of each regression are hidden, and count their targets
    assert outer[0] == ("layer profiles", 3, "layers", True)
    assert seen.count(("regression", 6, "targets", False)) == 3
