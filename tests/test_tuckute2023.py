"""Protocol tuckute2023 against plain scikit-learn, voxel by voxel, and cases solved by hand."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import naive_tuckute
from heschl.encode.corrected import corrected_ridge
from heschl.encode.layer_choice import choose_layer
from heschl.encode.leave_one_out import LeaveOneOut
from heschl.encode.protocols import CORRECTED_PROTOCOLS
from heschl.encode.ridge import fit, rotate
from heschl.encode.splits import random_splits
from heschl.errors import InputError, UnknownNameError, UsageError

N = 165
PROTOCOL = CORRECTED_PROTOCOLS["tuckute2023"]


def problem(n_targets=30, seed=0):
    """Two layers, one wider than there are sounds; voxels of known reliability of all sizes."""
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((N, 6))
    features = {
        "wide": latent @ rng.standard_normal((6, 300)) + 2 * rng.standard_normal((N, 300)),
        "narrow": latent @ rng.standard_normal((6, 20)) + rng.standard_normal((N, 20)) + 3,
    }
    signal = latent @ rng.standard_normal((6, n_targets))
    reliability = rng.beta(4, 4, n_targets)
    sd = signal.std(0) * np.sqrt(1 / reliability - 1)
    noise = rng.standard_normal((N, n_targets, 3))
    return features, signal[..., None] + sd[:, None] * noise + 1


@pytest.fixture(autouse=True)
def one_blas_thread():
    with threadpool_limits(limits=1):  # many small fits: more threads are slower
        yield


@pytest.fixture(scope="module")
def scored():
    features, y = problem()
    return features, y, corrected_ridge(features, y, show_progress=False)


def test_splits_are_the_legacy_generators():
    found = random_splits(PROTOCOL, N)
    assert len(found) == 10
    for (train, test), (their_train, their_test) in zip(found, naive_tuckute.splits(), strict=True):
        np.testing.assert_array_equal(train, their_train)
        np.testing.assert_array_equal(test, their_test)
        assert sorted([*train, *test]) == list(range(N))


def test_equals_the_naive_implementation(scored):
    """30 voxels, 10 splits, 2 layers: corrected r2 to 1e-6, and the same penalties.

    Penalties are compared from 1e-8 up to 1e12 times the largest squared singular value: beyond,
    all errors are equal but for rounding, scikit-learn's choice is one of rounding noise, heschl's
    the first in the grid. Where there are more features than sounds, scikit-learn's rounding grows
    as penalties shrink (by about 1e-14 / alpha of the error: it divides by the eigenvalue of the
    direction that centring took away), so that its choice can stop short above 1e-8 where the
    smaller penalty is better by less than that; then the exact errors must favour heschl's. And at
    penalties below 1e-8 its predictions themselves are off, r by some thousandths: heschl's are
    those of the minimum-norm fit, the limit.
    """
    features, y, found = scored
    same = short = vanishing = 0
    for layer, (name, x) in enumerate(features.items()):
        largest = np.linalg.norm(x - x.mean(0), 2) ** 2
        for s, (train, test) in enumerate(naive_tuckute.splits()):
            errors = LeaveOneOut(fit(rotate(x), train, test), PROTOCOL.alphas)
            for t in range(y.shape[1]):
                r2, r, alphas = naive_tuckute.score(x, y[:, t], train, test)
                at, alpha = (layer, s, t), alphas[0]
                if min(alphas) < 1e-8:
                    assert name == "wide"
                    vanishing += 1
                else:
                    assert found.r2_corrected[at] == pytest.approx(r2, abs=1e-6), (name, s, t)
                    assert found.r[at] == pytest.approx(r, abs=1e-6)
                if alpha < 1e-8:  # or so scikit-learn's rounding has it
                    assert found.alpha[at] < 1e-8 or name == "wide"
                    if found.alpha[at] < 1e-8:
                        limit = interpolated(x, y[:, t], train, test)
                        assert found.r[at] == pytest.approx(limit, abs=1e-6)
                elif alpha > 1e12 * largest or found.alpha[at] == alpha:
                    same += 1
                else:
                    assert name == "wide"
                    ours, theirs = (
                        exact_error(errors, y[train, t], a) for a in (found.alpha[at], alpha)
                    )
                    assert ours < theirs < ours * (1 + 1e-8)
                    short += 1
    assert same > 0.97 * 600
    assert short < 0.01 * 600
    assert vanishing < 0.05 * 300  # of the wide layer


def interpolated(x, y, train, test):
    """Correlation of the minimum-norm least-squares fit, the limit of vanishing penalties."""
    mean = y.mean(axis=1)
    centre = x[train].mean(0)
    weights = np.linalg.lstsq(x[train] - centre, mean[train] - mean[train].mean(), rcond=1e-10)[0]
    return np.corrcoef((x[test] - centre) @ weights, mean[test])[0, 1]


def exact_error(errors, y, alpha):
    """Leave-one-out error in double precision, from an operator that is exact at any penalty."""
    index = errors.tried.index(list(errors.alphas).index(alpha))
    mean = y.mean(axis=1)
    return float(np.sum((errors._double[index] @ (mean - mean.mean())) ** 2))


def test_leave_one_out_equals_leaving_one_out():
    """One sound left out at a time, a fit to the others: the definition."""
    rng = np.random.default_rng(0)
    for n_features in (5, 40):
        x, y = rng.standard_normal((20, n_features)), rng.standard_normal((20, 3, 4))
        alphas = (1e3, 10.0, 0.1, 1e-3)
        one = fit(rotate(x), np.arange(20), np.arange(2))
        errors = LeaveOneOut(one, alphas)._errors(y - y.mean(axis=0))
        for a, alpha in enumerate(alphas):
            total = np.zeros((4, 4))
            for i in range(20):
                rest = np.delete(np.arange(20), i)
                mean = x[rest].mean(0)
                z = x[rest] - mean
                gram = z.T @ z + alpha * np.eye(n_features)
                every = np.concatenate([y, y.mean(axis=1, keepdims=True)], axis=1)
                target = every[rest] - every[rest].mean(0)
                weights = np.linalg.solve(gram, z.T @ target.reshape(19, -1))
                predicted = ((x[i] - mean) @ weights).reshape(4, 4) + every[rest].mean(0)
                total += (every[i] - predicted) ** 2
            np.testing.assert_allclose(errors[a], total, rtol=2e-5)


def test_single_precision_never_decides(monkeypatch):
    features, y = problem(60, seed=3)
    mixed = corrected_ridge(features, y, show_progress=False)
    monkeypatch.setattr("heschl.encode.leave_one_out._SAFETY", 1e9)
    double = corrected_ridge(features, y, show_progress=False)
    np.testing.assert_array_equal(mixed.alpha, double.alpha)
    np.testing.assert_array_equal(mixed.r, double.r)


def test_most_is_settled_in_single_precision(monkeypatch):
    """Otherwise it would be no faster."""
    features, y = problem(60, seed=3)
    one = fit(rotate(features["wide"]), *random_splits(PROTOCOL, N)[0])
    errors = LeaveOneOut(one, PROTOCOL.alphas)
    centred = y[one.train].transpose(0, 2, 1) - y[one.train].transpose(0, 2, 1).mean(0)
    error = errors._errors(centred)
    every = np.concatenate([centred, centred.mean(axis=1, keepdims=True)], axis=1)
    doubt = errors._doubt(error, every)
    n_candidates = (error - doubt <= (error + doubt).min(axis=0)).sum(axis=0)
    assert (n_candidates == 1).mean() > 0.8
    assert len(errors.tried) < 40


def test_threads_and_blocks_change_nothing(scored):
    features, y, found = scored
    other = corrected_ridge(features, y, n_jobs=3, block_size=11, show_progress=False)
    np.testing.assert_array_equal(found.alpha, other.alpha)
    np.testing.assert_allclose(found.r2_corrected, other.r2_corrected, rtol=0, atol=1e-12)
    same = corrected_ridge(features, y, n_jobs=3, show_progress=False)
    np.testing.assert_array_equal(found.r, same.r)


def test_spearman_brown_and_floors_by_hand():
    """m = 1/2 gives 3/2 / 2 = 3/4; m = 0.05 gives 0.15 / 1.1, below both floors."""
    features, y = problem(2)
    found = corrected_ridge({"narrow": features["narrow"]}, y, show_progress=False)
    agreement = np.tile([0.5, 0.05], (10, 1))
    agreement[1] = [-0.7, np.nan]  # -2.1 / -0.4 = 5.25 as published; undefined: the floor
    object.__setattr__(found, "agreement", agreement)
    np.testing.assert_allclose(found.reliability[:2], [[0.75, 0.182], [5.25, 0.182]])
    object.__setattr__(found, "predicted_agreement", agreement[None])
    np.testing.assert_allclose(found.predicted_reliability[0, :2], [[0.75, 0.183], [5.25, 0.183]])


def test_neither_scale_nor_offset_of_responses_matters():
    features, y = problem(12, seed=4)
    y = y * np.where(np.arange(12) % 2, 1e18, 1e-18)[:, None]
    found = corrected_ridge(features, y, show_progress=False)
    plain = corrected_ridge(features, problem(12, seed=4)[1] + 100, show_progress=False)
    np.testing.assert_array_equal(found.alpha, plain.alpha)
    np.testing.assert_allclose(found.r2_corrected, plain.r2_corrected, rtol=0, atol=1e-9)


def test_undefined_agreement_is_left_out():
    """Of three repetitions one is constant: one correlation is left, and it is the median."""
    features, y = problem(3)
    y[:, 0, 1] = 2.0
    y[:, 1, :2] = 2.0
    found = corrected_ridge(features, y, show_progress=False)
    train, _ = random_splits(PROTOCOL, N)[0]
    expected = np.corrcoef(y[train, 0, 0], y[train, 0, 2])[0, 1]
    assert found.agreement[0, 0] == pytest.approx(expected)
    assert np.isnan(found.agreement[0, 1])
    assert found.reliability[0, 1] == 0.182


def test_a_model_that_knows_the_truth_explains_everything():
    rng = np.random.default_rng(1)
    signal = rng.standard_normal((N, 40))
    y = signal[..., None] + rng.standard_normal((N, 40, 3))
    weights = rng.standard_normal((40, 40))
    found = corrected_ridge({"truth": signal @ weights}, y, show_progress=False)
    # 40 directions from 83 sounds: predictions are noisy, which the correction makes good
    assert np.median(found.r2_corrected) == pytest.approx(1, abs=0.1)
    clean = corrected_ridge({"truth": signal}, signal[..., None].repeat(3, 2), show_progress=False)
    np.testing.assert_allclose(clean.r2_corrected, 1, atol=1e-9)


def test_noise_explains_nothing():
    rng = np.random.default_rng(2)
    features = {"noise": rng.standard_normal((N, 100))}
    y = rng.standard_normal((N, 50, 1)) + rng.standard_normal((N, 50, 3))
    found = corrected_ridge(features, y, show_progress=False)
    assert np.nanmedian(found.r2_corrected) < 0.02
    assert found.constant.any()  # many choose the mean
    assert (found.r[found.constant] == 0).all()
    assert (found.alpha[found.constant] == 1e49).all()
    assert found.at_edge[found.constant].all()


def test_what_cannot_be_scored_is_left_out():
    features, y = problem(5)
    y[:, 1, 2] = np.nan  # two scans
    y[:, 2] = 3.0
    found = corrected_ridge(features, y, show_progress=False)
    assert np.isnan(found.r2_corrected[:, :, 1]).all()
    assert np.isnan(found.reliability[:, 1]).all()
    assert np.isnan(found.predicted_reliability[:, :, 1]).all()
    assert (found.r2_corrected[:, :, 2] == 0).all()
    alone = corrected_ridge(features, y[:, [0, 3, 4]], show_progress=False)
    np.testing.assert_allclose(found.r[:, :, [0, 3, 4]], alone.r, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, y: (f, y[:, :, :2]), "three repetitions"),
        (lambda f, y: (f, y[:, :, 0]), "three repetitions"),
        (lambda f, y: ({k: x[:80] for k, x in f.items()}, y[:80]), "80 sounds, but protocol"),
        (lambda f, y: ({"x": f["wide"][:-1]}, y), "one row for each row"),
        (lambda f, y: ({"x": f["wide"] * np.nan}, y), "layer 'x' hold nan"),
        (lambda f, y: ({}, y), "at least one layer"),
        (lambda f, y: (f, y * np.inf), "infinite"),
    ],
)
def test_wrong_input(change, message):
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(InputError, match=message),
    ):
        corrected_ridge(*change(*problem(3)), show_progress=False)


def test_unknown_protocol():
    with pytest.raises(UnknownNameError, match="tuckute2023"):
        corrected_ridge(*problem(3), protocol="tuckute")


# choice of layer


def test_layer_choice_equals_a_naive_loop():
    rng = np.random.default_rng(0)
    scores = rng.random((4, 10, 30)) + np.linspace(0, 0.2, 4)[:, None, None]
    scores[:, :, 7] = np.nan
    listeners = np.repeat(["a", "b", "c"], 10)
    scores[:, :, 20:] = np.nan
    found = choose_layer(scores, listeners, seed=5)
    generator = np.random.default_rng(5)
    halves = [sorted(generator.permutation(10)[:5]) for _ in range(10)]
    for i, name in enumerate("ab"):
        voxels = [t for t in range(30) if listeners[t] == name and not np.isnan(scores[0, 0, t])]
        total = 0.0
        for k, half in enumerate(halves):
            rest = [s for s in range(10) if s not in half]

            def value(layer, splits, voxels=voxels):
                return np.median([np.median([scores[layer, s, t] for s in splits]) for t in voxels])

            best = max(range(4), key=lambda layer: value(layer, half))
            assert found.layer_index[i, k] == best
            total += value(best, rest)
        assert found.values[i] == pytest.approx(total / 10, abs=1e-12)
    assert np.isnan(found.values[2])
    assert (found.layer_index[2] == -1).all()
    known = found.values[:2]
    assert found.mean == pytest.approx(known.mean())
    assert found.stderr == pytest.approx(known.std() / 1)


def test_layer_choice_of_wrong_input():
    with pytest.raises(InputError, match="one listener for each target"):
        choose_layer(np.zeros((2, 10, 3)), ["a"])
    with pytest.raises(UsageError, match="n_iterations is 0"):
        choose_layer(np.zeros((2, 10, 1)), ["a"], n_iterations=0)
