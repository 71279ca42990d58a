from __future__ import annotations

import numpy as np
import pytest
import sklearn

import naive_ridge
from heschl.encode import PROTOCOLS, NestedRidgeProtocol, grid, nested_ridge
from heschl.encode.ridge import fit, rotate
from heschl.errors import InputError, UnknownNameError, UsageError

N = 45
FOLDS = np.random.default_rng(7).permutation(np.arange(N) % 5)
UNEQUAL = np.random.default_rng(8).permutation(np.arange(N) % 4)  # one fold of 12, three of 11


def problem():
    """Layers and targets that meet every branch of the protocol; what each target is for."""
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((N, 70))
    narrow = rng.standard_normal((N, 9))
    loud = 40 * rng.standard_normal((N, 60))
    quiet = rng.standard_normal((N, 12))
    with_constant = rng.standard_normal((N, 12))
    with_constant[:, 4] = 3.3
    features = {
        "flat": np.full((N, 3), 1.7),
        "wide": wide,
        "wide again": wide.copy(),
        "narrow": narrow,
        "loud": loud,
        "with constant": with_constant,
        "quiet": 0.03 * quiet,
    }

    def signal(x, k):
        y = x[:, :k] @ rng.standard_normal(k)
        return y / y.std()

    def noise(sd):
        return sd * rng.standard_normal(N)

    targets = {}
    for i, sd in enumerate((0.1, 0.6, 1.5)):
        targets[f"wide {sd}"] = signal(wide, 5) + noise(sd)
        targets[f"narrow {sd}"] = signal(narrow, 9) + noise(sd)
        targets[f"loud {sd}"] = signal(loud, 3 + i) + noise(sd)
        targets[f"with constant {sd}"] = signal(with_constant, 12) + noise(sd)
        targets[f"mixed {sd}"] = signal(wide, 3) + signal(narrow, 3) + noise(sd)
        targets[f"noise {i}"] = noise(1.0)
    for i in range(5):
        targets[f"quiet {i}"] = signal(quiet, 12) + noise(0.1 + 0.2 * i)
    targets["low edge"] = signal(narrow, 9) + noise(0.01)
    targets["constant"] = np.full(N, 0.1)
    targets["constant but in fold 2"] = np.where(UNEQUAL == 2, rng.standard_normal(N), 0.3)
    targets["one value differs"] = np.eye(N)[11]
    targets["large and far off"] = 1e6 * (signal(wide, 4) + noise(0.3)) + 1e7
    targets["tiny"] = 1e-9 * (signal(narrow, 4) + noise(0.3))
    targets["nan"] = np.where(np.arange(N) == 3, np.nan, signal(wide, 4))
    return features, targets


@pytest.fixture(scope="module")
def solved():
    features, targets = problem()
    y = np.stack(list(targets.values()), axis=1)
    return features, targets, nested_ridge(features, y, UNEQUAL)


def test_equals_the_naive_implementation(solved):
    features, targets, result = solved
    assert len(targets) >= 30
    seen_layers, seen_alphas = set(), set()
    quicker = {"assume_finite": True, "skip_parameter_validation": True}
    y = np.stack([one for name, one in targets.items() if name != "nan"], axis=1)
    with sklearn.config_context(**quicker):
        scores = [naive_ridge.grid_scores(features, y, UNEQUAL, outer) for outer in range(4)]
    assert list(targets)[-1] == "nan"  # so that columns are targets
    for i, (name, y) in enumerate(targets.items()):
        if name == "nan":
            continue
        with sklearn.config_context(**quicker):
            r2, layers, alphas, predictions = naive_ridge.nested_ridge(
                features, y, UNEQUAL, [one[:, i] for one in scores]
            )
        assert result.r2[i] == pytest.approx(r2, abs=1e-9), name
        np.testing.assert_allclose(
            result.predictions[:, i], predictions, rtol=1e-6, atol=1e-6 * y.std()
        )
        assert list(result.layer[:, i]) == layers, name
        for ours, theirs in zip(result.alpha[:, i], alphas, strict=True):
            assert ours == theirs or max(ours, theirs) <= 1e-8, name
        seen_layers |= set(layers)
        seen_alphas |= set(alphas)
    # the problem met what it was made for
    assert {"flat", "wide", "narrow", "loud", "with constant"} <= seen_layers
    assert "wide again" not in seen_layers, "of two equal layers the first wins"
    assert min(seen_alphas) < 1e-8
    assert any(1e-8 < alpha < 0.01 for alpha in seen_alphas)
    assert max(seen_alphas) > 50


def test_constant_and_incomplete_targets(solved):
    _, targets, result = solved
    names = list(targets)
    constant, nan = names.index("constant"), names.index("nan")
    assert result.r2[constant] == result.r[constant] == 0
    np.testing.assert_allclose(result.predictions[:, constant], 0.1)
    assert list(result.alpha[:, constant]) == [0.01] * 4
    assert list(result.layer[:, constant]) == ["flat"] * 4
    assert np.isnan([result.r2[nan], result.r[nan], *result.alpha[:, nan]]).all()
    assert np.isnan(result.predictions[:, nan]).all()
    assert list(result.layer_index[:, nan]) == [-1] * 4
    assert list(result.layer[:, nan]) == [""] * 4
    assert np.isfinite(np.delete(result.r2, nan)).all()


def test_raw_r_stands_beside_the_clipped_score(solved):
    _, _, result = solved
    known = np.isfinite(result.r)
    assert (result.r[known] < 0).any()
    np.testing.assert_array_equal(result.r2[known], np.maximum(result.r[known], 0) ** 2)


def random_problem(seed, n_targets=400, scale=1.0):
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((N, 10))
    features = {
        f"layer{k}": scale * (latent @ rng.standard_normal((10, 80)) + rng.standard_normal((N, 80)))
        for k in range(5)
    }
    noise = rng.uniform(0.1, 6, n_targets) * rng.standard_normal((N, n_targets))
    return features, latent @ rng.standard_normal((10, n_targets)) + noise


@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 1e3])
def test_single_precision_never_decides(monkeypatch, scale):
    """The same choices as when every entry of the grid is scored in double precision."""
    features, y = random_problem(3, scale=scale)
    mixed = nested_ridge(features, y, FOLDS)
    monkeypatch.setattr(grid, "SINGLE_TOLERANCE", np.inf)
    double = nested_ridge(features, y, FOLDS)
    np.testing.assert_array_equal(mixed.layer_index, double.layer_index)
    same = (mixed.alpha == double.alpha) | (np.maximum(mixed.alpha, double.alpha) <= 1e-8)
    assert same.all()
    np.testing.assert_allclose(mixed.r2, double.r2, rtol=0, atol=1e-9)


def test_candidates_hold_the_best_and_few_others():
    """The bound on single precision's errors is safe, yet close enough to save work."""
    from heschl.encode.choice import InnerScorer
    from heschl.encode.design import make_design

    features, y = random_problem(5)
    z = (y - y.mean(0)) / y.std(0)
    design = make_design(features, FOLDS, PROTOCOLS["pepino2025"], 1)
    candidate = grid.candidates(z, design)
    for outer in range(5):
        exact = np.stack(
            [
                [
                    InnerScorer(z, outer, layer, design).score(np.array([alpha]))[0]
                    for layer in range(5)
                ]
                for alpha in design.protocol.alphas
            ]
        )
        best = exact.reshape(-1, y.shape[1]).argmax(axis=0)
        held = candidate[outer].reshape(-1, y.shape[1])
        assert held[best, np.arange(y.shape[1])].all()
    assert (candidate.sum(axis=(1, 2)) == 1).mean() > 0.9


def test_threads_never_change_the_numbers():
    features, y = random_problem(1, n_targets=1100)
    one = nested_ridge(features, y, FOLDS, n_jobs=1)
    four = nested_ridge(features, y, FOLDS, n_jobs=4)
    for name in ("r", "r2", "alpha", "predictions", "layer_index"):
        np.testing.assert_array_equal(getattr(one, name), getattr(four, name))


def test_block_size_changes_rounding_only():
    features, y = random_problem(2, n_targets=100)
    whole = nested_ridge(features, y, FOLDS)
    blocks = nested_ridge(features, y, FOLDS, block_size=7)
    np.testing.assert_allclose(blocks.predictions, whole.predictions, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(blocks.layer_index, whole.layer_index)


def test_without_noise_r2_is_one():
    """Alpha vanishes until r2 is 1 to the last bit; where that is differs between solvers."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((N, 9))
    y = x @ rng.standard_normal((9, 3))
    result = nested_ridge({"x": x}, y, FOLDS)
    assert result.alpha.max() < 1e-4
    np.testing.assert_allclose(result.r2, 1, atol=1e-12)
    for i in range(3):
        r2, *_, predictions = naive_ridge.nested_ridge({"x": x}, y[:, i], FOLDS)
        assert result.r2[i] == pytest.approx(r2, abs=1e-12)
        np.testing.assert_allclose(result.predictions[:, i], predictions, atol=1e-5)


def test_collinear_features_give_the_minimum_norm_solution():
    """As alpha vanishes, what is left is the pseudo-inverse, not rounding noise."""
    rng = np.random.default_rng(4)
    base = rng.standard_normal((N, 6))
    x = np.hstack([base, base @ rng.standard_normal((6, 30))])  # rank 6 of 36 columns
    y = np.sin(base @ rng.standard_normal((6, 4)) / 2)  # alpha vanishes, the fit is not perfect
    pepino = PROTOCOLS["pepino2025"]
    tiny = NestedRidgeProtocol("tiny", 1, (1e-40, 1e-35), pepino.bounds, "", "")
    result = nested_ridge({"collinear": x}, y, FOLDS, protocol=tiny)
    for k in range(5):
        test = k == FOLDS
        mean_x, mean_y = x[~test].mean(0), y[~test].mean(0)
        weights = np.linalg.pinv(x[~test] - mean_x, rcond=1e-10) @ (y[~test] - mean_y)
        expected = (x[test] - mean_x) @ weights + mean_y
        np.testing.assert_allclose(result.predictions[test], expected, atol=1e-8)


def test_edge_walk_stops_at_the_bounds():
    rng = np.random.default_rng(6)
    x = rng.standard_normal((N, 5))
    y = (x @ rng.standard_normal(5))[:, None]
    pepino = PROTOCOLS["pepino2025"]
    short = NestedRidgeProtocol("short", 1, pepino.alphas, (2e-3, 1e50), "", "")
    result = nested_ridge({"x": x}, y, FOLDS, protocol=short)
    assert (result.alpha == 0.0025).all()  # 0.00125 would leave the bounds


def test_case_solved_by_hand():
    """One feature, y = 3 x: any fold is predicted without error as alpha vanishes."""
    x = np.array([[0.0], [1.0], [2.0], [4.0], [5.0], [7.0]])
    result = nested_ridge({"x": x}, 3 * x, np.array([0, 1, 2, 0, 1, 2]))
    assert result.r2[0] == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(result.predictions, 3 * x, atol=1e-6)


def test_ridge_formula_on_one_feature():
    """Centred x = -1, 0, 1 and y = -2, 0, 2: w = 4 / (2 + alpha)."""
    x = np.array([[0.0], [1.0], [2.0], [5.0]])
    one = fit(rotate(x), np.array([0, 1, 2]), np.array([3]))
    y = np.array([1.0, 3.0, 5.0])
    for alpha in (0.0, 1.0, 6.0):
        assert one.operator(alpha) @ y == pytest.approx(3 + (5 - 1) * 4 / (2 + alpha))


def test_rotation_keeps_distances_of_sounds():
    x = np.random.default_rng(0).standard_normal((12, 300))
    layer = rotate(x)
    assert layer.coordinates.shape == (12, 12)
    centred = x - x.mean(0)
    np.testing.assert_allclose(
        layer.coordinates @ layer.coordinates.T, centred @ centred.T, atol=1e-10
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folds": np.where(FOLDS == 3, 4, FOLDS)}, "fold 3 is empty"),
        ({"folds": FOLDS % 2}, "at least 3"),
        ({"folds": FOLDS - 1}, "from 0 on"),
        ({"folds": FOLDS[:-1]}, "folds have shape"),
        ({"folds": FOLDS.astype(float)}, "whole number"),
        ({"features": {}}, "at least one layer"),
        ({"features": {"x": np.ones((N - 1, 3))}}, r"layer 'x' have shape \(44, 3\)"),
        ({"features": {"x": np.full((N, 3), np.nan)}}, "layer 'x' hold nan"),
        ({"features": {"x": np.full((N, 3), "a")}}, "layer 'x' are of type <U1"),
        ({"responses": np.ones(N)}, "expected \\(n_sounds, n_targets\\)"),
        ({"responses": np.full((N, 2), np.inf)}, "infinite"),
    ],
)
def test_bad_input_is_refused(change, message):
    rng = np.random.default_rng(0)
    good = {
        "features": {"x": rng.standard_normal((N, 3))},
        "responses": rng.standard_normal((N, 2)),
        "folds": FOLDS,
    }
    with pytest.raises(InputError, match=message):
        nested_ridge(**(good | change))


def test_lists_are_taken_for_arrays():
    features, y = random_problem(8, n_targets=3)
    arrays = nested_ridge(features, y, FOLDS)
    lists = nested_ridge({k: x.tolist() for k, x in features.items()}, y.tolist(), FOLDS.tolist())
    np.testing.assert_array_equal(lists.predictions, arrays.predictions)


def test_unknown_protocol_and_block_size():
    x = np.ones((N, 2))
    with pytest.raises(UnknownNameError, match="Did you mean: pepino2025"):
        nested_ridge({"x": x}, x, FOLDS, protocol="pepino25")
    with pytest.raises(UsageError, match="block_size is 0"):
        nested_ridge({"x": x}, x, FOLDS, block_size=0)


def test_all_targets_incomplete():
    result = nested_ridge(
        {"x": np.random.default_rng(0).standard_normal((N, 2))}, np.full((N, 2), np.nan), FOLDS
    )
    assert np.isnan(result.r2).all()
