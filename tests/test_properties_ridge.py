"""Ridge regression on drawn problems: least squares, leaving out one by one, and what must not
matter."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import naive_ridge
from drawn_arrays import AWKWARD, LAYOUTS, SCALES, SEEDS, drawn, features, folds, laid_out
from heschl.encode import nested_ridge
from heschl.encode.leave_one_out import LeaveOneOut
from heschl.encode.ridge import fit, rotate
from heschl.errors import InputError

ALPHAS = (1e4, 1e2, 3.0, 1.0, 1e-2, 1e-4)


def by_least_squares(x, y, rows, alpha):
    """Predictions for all sounds: the penalty as further rows of a least-squares problem."""
    mean_x, mean_y = x[rows].mean(axis=0), y[rows].mean(axis=0)
    penalty = np.sqrt(alpha) * np.eye(x.shape[1])
    design = np.vstack([x[rows] - mean_x, penalty])
    target = np.vstack([y[rows] - mean_y, np.zeros((x.shape[1], y.shape[1]))])
    weights = np.linalg.lstsq(design, target, rcond=1e-12)[0]
    return (x - mean_x) @ weights + mean_y


@st.composite
def problems(draw, most=18):
    """Features, and which sounds are trained on: 2 up to all but one, in any order."""
    x = draw(features(draw(st.integers(4, 14)), most))
    order = np.random.default_rng(draw(SEEDS)).permutation(len(x))
    n_train = draw(st.integers(2, len(x) - 1))
    return x, order[:n_train], order[n_train:]


@settings(max_examples=40, deadline=None)
@given(problem=problems(), power=st.integers(-6, 6), seed=SEEDS)
def test_a_fit_is_the_least_squares_solution(problem, power, seed):
    x, train, held_out = problem
    y = drawn(seed, len(x), 3) + 5.0
    one, alpha = fit(rotate(x), train, held_out), 10.0**power
    expected = by_least_squares(x, y, train, alpha)[held_out]
    np.testing.assert_allclose(one.operator(alpha) @ y[train], expected, rtol=1e-7, atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(problem=problems(), seed=SEEDS)
def test_without_penalty_it_is_the_solution_of_least_norm(problem, seed):
    x, train, held_out = problem
    y = drawn(seed, len(x), 2)
    one = fit(rotate(x), train, held_out)
    if one.singular.size and one.singular[-1] < 1e-4 * one.singular[0]:
        return  # so close to singular that no two solvers agree
    expected = by_least_squares(x, y, train, 0.0)[held_out]
    np.testing.assert_allclose(one.operator(1e-49) @ y[train], expected, rtol=1e-6, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(problem=problems(), scale=SCALES, power=st.integers(-4, 4))
def test_the_unit_of_features_is_that_of_the_roots_of_penalties(problem, scale, power):
    x, train, held_out = problem
    plain = fit(rotate(x), train, held_out).operator(10.0**power)
    scaled = fit(rotate(scale * x), train, held_out).operator(scale * scale * 10.0**power)
    np.testing.assert_allclose(scaled, plain, rtol=1e-8, atol=1e-8)


def left_out_errors(x, y, alpha):
    """Sum of squared errors for each sound, from the fit to the others, (n_targets,)."""
    error = np.zeros(y.shape[1])
    for i in range(len(x)):
        rest = np.delete(np.arange(len(x)), i)
        error += (by_least_squares(x, y, rest, alpha)[i] - y[i]) ** 2
    return error


@settings(max_examples=20, deadline=None)
@given(x=st.integers(4, 10).flatmap(features), seed=SEEDS, scale=SCALES)
def test_the_penalty_is_the_one_with_the_least_error_left_out(x, seed, scale):
    everything = np.arange(len(x))
    y = drawn(seed, len(x), 3, 4)
    centred = scale * (y - y.mean(axis=0))
    best = LeaveOneOut(fit(rotate(x), everything, everything), ALPHAS).best(centred)
    assert best.shape == (4, 4)
    for k in range(4):
        target = y.mean(axis=1) if k == 3 else y[:, k]
        error = np.array([left_out_errors(x, target, alpha) for alpha in ALPHAS])
        chosen = error[best[k], np.arange(4)]
        np.testing.assert_allclose(chosen, error.min(axis=0), rtol=1e-9)


@st.composite
def nested_problems(draw, most=14):
    """Features of one to three layers, two responses that they share something with, and folds."""
    n_sounds = draw(st.integers(9, 18))
    layers = {f"layer{k}": draw(features(n_sounds, most)) for k in range(draw(st.integers(1, 3)))}
    first = layers["layer0"]
    seed = draw(SEEDS)
    signal = first @ drawn(seed, first.shape[1], 2)
    noise = draw(st.sampled_from((0.1, 1.0, 10.0)))
    return layers, signal + noise * drawn(seed + 1, n_sounds, 2), draw(folds(n_sounds))


def solve(layers, y, labels, **options):
    return nested_ridge(layers, y, labels, n_jobs=1, show_progress=False, **options)


@settings(max_examples=7, deadline=None)
@given(problem=nested_problems())
@sklearn.config_context(assume_finite=True, skip_parameter_validation=True)  # quicker
def test_choices_and_predictions_are_those_of_a_loop(problem):
    layers, y, labels = problem
    found = solve(layers, y, labels)
    n_folds = labels.max() + 1
    grid = [naive_ridge.grid_scores(layers, y, labels, outer) for outer in range(n_folds)]
    for target in range(y.shape[1]):
        measured = y[:, target]
        for outer in range(n_folds):
            name, alpha = found.layer[outer, target], found.alpha[outer, target]
            other, its_name = naive_ridge.choose(
                layers, measured, labels, outer, scores=grid[outer][:, target]
            )
            scores = [
                naive_ridge.inner_score(layers[layer], measured, labels, outer, penalty)
                for layer, penalty in ((name, alpha), (its_name, other))
            ]
            assert scores[0] == pytest.approx(scores[1], abs=1e-8)
            test = labels == outer
            expected = naive_ridge.predict(
                layers[name][~test], measured[~test], layers[name][test], alpha
            )
            np.testing.assert_allclose(
                found.predictions[test, target], expected, rtol=1e-5, atol=1e-5 * measured.std()
            )
        expected = naive_ridge.r2_or_zero(found.predictions[:, target], measured)
        assert found.r2[target] == pytest.approx(expected, abs=1e-10)
    assert (np.abs(found.r) <= 1 + 1e-12).all()


@settings(max_examples=15, deadline=None)
@given(problem=nested_problems(), seed=SEEDS, scale=SCALES, sign=st.sampled_from((1.0, -1.0)))
def test_order_unit_and_origin_do_not_matter(problem, seed, scale, sign):
    """Of targets, features and sounds; of responses; of features their origin and rotation."""
    layers, y, labels = problem
    rng = np.random.default_rng(seed)
    plain = solve(layers, y, labels)
    order, targets = rng.permutation(len(y)), rng.permutation(y.shape[1])
    moved = {}
    for name, x in layers.items():
        turn = np.linalg.qr(rng.standard_normal((x.shape[1], x.shape[1])))[0]
        moved[name] = (x @ turn + rng.standard_normal(x.shape[1]))[order]
    other = solve(moved, sign * scale * (y[:, targets] + 2.0)[order], labels[order])
    np.testing.assert_allclose(other.r, plain.r[targets], atol=1e-6)
    np.testing.assert_allclose(
        other.predictions / (sign * scale),
        plain.predictions[order][:, targets] + 2.0,
        atol=1e-5 * (1 + y.std()),
    )


@settings(max_examples=10, deadline=None)
@given(
    problem=nested_problems(),
    layout=st.sampled_from(LAYOUTS),
    kind=st.sampled_from((np.float32, np.int16, np.int64)),
)
def test_type_and_place_in_memory_do_not_matter(problem, layout, kind):
    layers, y, labels = problem
    layers = {name: (8 * x).astype(kind) for name, x in layers.items()}
    y = (100 * y).astype(kind)
    plain = solve({k: x.astype(np.float64) for k, x in layers.items()}, y.astype(float), labels)
    other = solve(
        {name: laid_out(x, layout) for name, x in layers.items()}, laid_out(y, layout), labels
    )
    np.testing.assert_allclose(other.r, plain.r, atol=1e-6)


def numbers(shape):
    """Arrays of what breaks sums, here and there nan or infinite."""
    wrong = st.one_of(AWKWARD, AWKWARD, AWKWARD, st.sampled_from((np.nan, np.inf)))
    return arrays(
        np.float64, shape, elements=st.sampled_from((AWKWARD, wrong)).flatmap(lambda s: s)
    )


@settings(max_examples=40, deadline=None)
@given(
    x=st.integers(1, 4).flatmap(lambda n: numbers((7, n))),
    y=numbers((7, 2)),
    labels=folds(7),
)
def test_every_table_has_scores_or_is_refused(x, y, labels):
    if not np.isfinite(x).all() or np.isinf(y).any():
        with pytest.raises(InputError, match="infini"):
            solve({"layer": x}, y, labels)
        return
    found = solve({"layer": x}, y, labels)
    missing = np.isnan(y).any(axis=0)
    np.testing.assert_array_equal(np.isnan(found.r), missing)
    np.testing.assert_array_equal(np.isnan(found.predictions).all(axis=0), missing)
    assert np.isfinite(found.predictions[:, ~missing]).all()
    assert (np.abs(found.r[~missing]) <= 1 + 1e-12).all()
    np.testing.assert_array_equal(found.r2[~missing], np.maximum(found.r[~missing], 0) ** 2)


def test_folds_of_no_sounds_and_labels_far_apart_are_refused():
    x, y = drawn(0, 9, 2), drawn(1, 9, 1)
    with pytest.raises(InputError, match="folds of 0 sounds"):
        solve({"layer": x[:0]}, y[:0], np.arange(0))
    far = np.array([0, 1, 10**12] * 3)  # counted one by one, such labels would fill the memory
    with pytest.raises(InputError, match=r"fold 2 is empty: .* labels go up to 1000000000000"):
        solve({"layer": x}, y, far)
