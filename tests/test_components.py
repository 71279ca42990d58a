"""Components against sources that are known, plain loops and closed forms."""

from __future__ import annotations

import csv
import itertools
import subprocess
import sys

import numpy as np
import pytest
import scipy.integrate
import scipy.io
import scipy.stats

from heschl.components import decompose, match, split_reliability
from heschl.components.negentropy import negentropy
from heschl.components.rotation import least_gaussian, random_rotation
from heschl.errors import InputError, UsageError

N_SOUNDS, N_VOXELS = 60, 2_000
SOURCES = {
    "laplace": lambda rng, shape: rng.laplace(size=shape),
    "gamma": lambda rng, shape: rng.gamma(1, 1, shape),
    "sparse": lambda rng, shape: (rng.random(shape) < 0.15) * rng.gamma(2, 1, shape),
    "uniform": lambda rng, shape: rng.random(shape),
    "gaussian": lambda rng, shape: rng.standard_normal(shape),
}


def mixture(source, n_components=3, noise=0.1, seed=0, n_voxels=N_VOXELS):
    """Profiles, weights, and noisy responses (n_sounds, n_voxels, 3)."""
    rng = np.random.default_rng(seed)
    profiles = rng.random((N_SOUNDS, n_components))
    weights = SOURCES[source](rng, (n_components, n_voxels))
    signal = (profiles @ weights)[..., None]
    return profiles, weights, signal + noise * rng.standard_normal((*signal.shape[:2], 3))


def find(responses, n_components=3, **options):
    options = {"n_restarts": 3, "show_progress": False} | options
    return decompose(responses, n_components=n_components, **options)


def mean_weights_agree(found, true):
    """Whether mean weights are as true as the correlations of the weights let them be.

    With variance 1, a found weight is c times the true one, and for the rest, sqrt(1 - c^2) times
    something uncorrelated: others' weights, at most all with their means.
    """
    c = np.array([np.corrcoef(f, t)[0, 1] for f, t in zip(found, true, strict=True)])
    assert c.min() > 0.9
    expected = true.mean(axis=1) / true.std(axis=1)
    bound = (1 - c) * expected + np.sqrt(1 - c**2) * np.linalg.norm(expected)
    np.testing.assert_array_less(np.abs(found.mean(axis=1) - expected), bound)


def standardise(x):
    x = x - x.mean(axis=1, keepdims=True)
    return x / x.std(axis=1, keepdims=True)


@pytest.mark.parametrize("source", ["laplace", "gamma", "sparse", "uniform"])
def test_sources_that_are_not_gaussian_are_recovered(source):
    profiles, weights, y = mixture(source)
    found = find(y.mean(axis=2))
    matching = match(found.responses, profiles)
    assert np.abs(matching.r).min() > 0.99
    w = found.weights[matching.order] * matching.sign[:, None]
    for mine, true in zip(w, weights, strict=True):
        assert np.corrcoef(mine, true)[0, 1] > 0.99


def test_weights_keep_their_mean():
    """Weights with a mean as large as their spread, in units of the spread."""
    profiles, weights, y = mixture("gamma")
    found = find(y.mean(axis=2))
    order = match(found.responses, profiles).order
    assert found.weights.mean() > 0.9
    mean_weights_agree(found.weights[order], weights)
    # and profiles have the size of what such weights add to the responses
    np.testing.assert_allclose(
        np.linalg.norm(found.responses[:, order], axis=0),
        np.linalg.norm(profiles * weights.std(axis=1), axis=0),
        rtol=0.03,
    )


def test_of_gaussian_sources_nothing_is_said():
    """Their space is found, but no basis of it; the negentropy tells."""
    gaussian, laplace = (mixture(source)[2].mean(axis=2) for source in ("gaussian", "laplace"))
    profiles = mixture("gaussian")[0]
    found = find(gaussian)
    q, _ = np.linalg.qr(found.responses)
    outside = profiles - q @ (q.T @ profiles)
    assert np.linalg.norm(outside) < 0.02 * np.linalg.norm(profiles)
    assert np.abs(match(found.responses, profiles).r).min() < 0.95
    assert found.negentropy.max() < 0.02 < find(laplace).negentropy.min()


def test_what_is_exact():
    _, _, y = mixture("laplace")
    y = y.mean(axis=2)
    found = find(y)
    varying = y - y.mean(axis=1, keepdims=True)
    left, singular, _ = np.linalg.svd(varying, full_matrices=False)
    projected = left[:, :3] @ left[:, :3].T @ y
    np.testing.assert_allclose(found.responses @ found.weights, projected, atol=1e-12)
    np.testing.assert_allclose(np.cov(found.weights, ddof=0), np.eye(3), atol=1e-12)
    assert (found.weights.mean(axis=1) > 0).all()
    # the variance explained, and how much of it goes with each component
    assert found.explained.sum() == pytest.approx((singular[:3] ** 2).sum() / (singular**2).sum())
    for k in range(3):
        others = [i for i in range(3) if i != k]
        rest = found.responses[:, others] @ found.weights[others]
        lost = (projected - rest).var(axis=1).sum()
        assert found.explained[k] == pytest.approx(lost / y.var(axis=1).sum())
    assert (np.diff(found.explained) <= 0).all()
    np.testing.assert_allclose(found.negentropy, negentropy(standardise(found.weights)), atol=1e-9)
    assert found.start_negentropy.shape == (3,)
    assert found.start_negentropy.max() == pytest.approx(found.negentropy.sum())


def test_nothing_else_depends_on_the_mean_over_voxels():
    profiles, _, y = mixture("sparse", noise=0)
    y = y.mean(axis=2)
    shift = profiles @ [[3.0], [1.0], [2.0]]
    before, after = find(y), find(y + shift)
    np.testing.assert_allclose(after.responses, before.responses, rtol=1e-6)
    np.testing.assert_allclose(after.responses @ after.weights, y + shift, atol=1e-10)


def test_skewness_decides_on_the_sign_without_a_mean():
    _, _, y = mixture("sparse")
    y = y.mean(axis=2)
    found = find(y - y.mean(axis=1, keepdims=True))
    np.testing.assert_allclose(found.weights.mean(axis=1), 0, atol=1e-12)
    assert ((found.weights**3).mean(axis=1) > 1).all()


def test_repeatable_whatever_the_seed_needs_threads_or_the_order_of_voxels():
    _, _, y = mixture("laplace", n_components=4)
    y = y.mean(axis=2)
    first = find(y, 4, seed=5)
    for other in (find(y, 4, seed=5), find(y, 4, seed=5, n_jobs=1), find(y, 4, seed=5, n_jobs=3)):
        for name in ("responses", "weights", "explained", "negentropy", "start_negentropy"):
            assert np.array_equal(getattr(other, name), getattr(first, name)), name
    order = np.random.default_rng(0).permutation(N_VOXELS)
    shuffled = find(y[:, order], 4, seed=5)
    np.testing.assert_allclose(shuffled.responses, first.responses, atol=1e-9)
    np.testing.assert_allclose(shuffled.weights, first.weights[:, order], atol=1e-9)


def test_one_component():
    """Its profile is the first principal component."""
    _, _, y = mixture("gamma", n_components=1)
    y = y.mean(axis=2)
    found = find(y, 1)
    left, _, _ = np.linalg.svd(y - y.mean(axis=1, keepdims=True), full_matrices=False)
    assert abs(np.corrcoef(found.responses[:, 0], left[:, 0])[0, 1]) == pytest.approx(1)


def test_no_pair_of_components_gains_by_rotation():
    """Plain search: all pairs, all angles in steps of 1 degree."""
    rng = np.random.default_rng(1)
    white = standardise(rng.laplace(size=(3, 1_000)))
    white = np.linalg.solve(np.linalg.cholesky(np.cov(white, ddof=0)), white)
    rotation, found = least_gaussian(white, random_rotation(3, rng))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    weights = rotation @ white
    np.testing.assert_allclose(negentropy(weights), found, atol=1e-9)
    for i, j in itertools.combinations(range(3), 2):
        for angle in np.deg2rad(np.arange(1, 90)):
            turned = weights.copy()
            turned[i] = np.cos(angle) * weights[i] - np.sin(angle) * weights[j]
            turned[j] = np.sin(angle) * weights[i] + np.cos(angle) * weights[j]
            # between the angles of the search up to 1e-4 may be left
            assert negentropy(turned).sum() < found.sum() + 1e-4


@pytest.mark.parametrize(
    ("source", "density", "exact"),
    [
        ("gaussian", scipy.stats.norm(), 0.0),
        ("laplace", scipy.stats.laplace(scale=np.sqrt(0.5)), np.log(np.pi / np.e) / 2),
        ("uniform", scipy.stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)), np.log(np.pi * np.e / 6) / 2),
    ],
)
def test_negentropy_of_known_densities(source, density, exact):
    """Against the density seen through a triangle, by numerical integration.

    And that against the exact negentropy, log(sqrt(2 pi e)) less log(sqrt(12)) (uniform) or less
    1 + log(sqrt(2)) (Laplace): blur takes some of it.
    """
    rng = np.random.default_rng(0)
    found = negentropy(standardise(SOURCES[source](rng, (8, 50_000))))
    h, share = 0.2, []
    for centre in h * np.arange(-110, 111):
        parts = [(centre - h, centre), (centre, centre + h)]
        share += [
            scipy.integrate.quad(
                lambda x, c=centre: density.pdf(x) * (1 - abs(x - c) / h),
                *part,
                points=[x for x in (-np.sqrt(3), 0, np.sqrt(3)) if part[0] < x < part[1]] or None,
            )[0]
            for part in parts
        ]
    share = np.reshape(share, (-1, 2)).sum(axis=1)
    assert share.sum() == pytest.approx(1, abs=1e-9)
    expected = np.log(np.sqrt(2 * np.pi * np.e * (1 + h**2 / 6))) - np.log(h)
    expected += np.sum(share[share > 0] * np.log(share[share > 0]))
    bias = np.count_nonzero(share > 1 / 50_000) / (3 * 50_000)
    error = found.std() / np.sqrt(found.size)
    assert abs(found.mean() - expected - bias) < 4 * error + bias
    assert 0.7 * exact - 1e-6 < expected < exact + 1e-6


def test_negentropy_equals_a_plain_loop():
    x = standardise(np.random.default_rng(0).gamma(1, 1, (1, 300)))
    histogram = {}
    for value in x[0] / 0.2:
        low = int(np.floor(value))
        histogram[low] = histogram.get(low, 0) + (low + 1 - value) / 300
        histogram[low + 1] = histogram.get(low + 1, 0) + (value - low) / 300
    entropy = -sum(p * np.log(p / 0.2) for p in histogram.values())
    gaussian = 0.5 * np.log(2 * np.pi * np.e * (1 + 0.2**2 / 6))
    assert negentropy(x)[0] == pytest.approx(gaussian - entropy, rel=1e-12)


def test_match_equals_all_permutations():
    rng = np.random.default_rng(2)
    found, reference = rng.standard_normal((2, 20, 4))
    r = np.corrcoef(reference.T, found.T)[:4, 4:]
    best = max(itertools.permutations(range(4)), key=lambda p: np.abs(r[range(4), p]).sum())
    matching = match(found, reference)
    assert tuple(matching.order) == best
    np.testing.assert_allclose(matching.r, r[range(4), best])
    assert np.array_equal(matching.sign, np.sign(matching.r))
    aligned = found[:, matching.order] * matching.sign
    assert (np.einsum("sk,sk->k", aligned - aligned.mean(0), reference) > 0).all()


def test_match_unequal_numbers_and_constant_profiles():
    reference = np.random.default_rng(2).standard_normal((20, 3))
    fewer = match(-reference[:, [2]], reference)
    assert fewer.order.tolist() == [-1, -1, 0]
    assert fewer.sign.tolist() == [0, 0, -1]
    np.testing.assert_allclose(fewer.r, [np.nan, np.nan, -1])
    more = np.column_stack([np.ones(20), reference[:, ::-1]])
    assert match(more, reference).order.tolist() == [3, 2, 1]
    assert match(np.ones((20, 1)), reference[:, :1]).r.tolist() == [0]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (np.zeros((19, 2)), "19 and 20 sounds"),
        (np.zeros(20), "found has shape"),
        (np.full((20, 2), np.nan), "found holds nan"),
    ],
)
def test_match_refuses(found, message):
    with pytest.raises(InputError, match=message):
        match(found, np.zeros((20, 2)))


def test_halves_agree_on_sources_and_not_on_gaussian_ones():
    options = {"n_components": 3, "n_splits": 3, "n_restarts": 2, "show_progress": False}
    _, _, y = mixture("sparse", noise=0.3)
    r = split_reliability(y, **options)
    assert r.shape == (3, 3)
    assert r.min() > 0.98
    assert np.array_equal(r, split_reliability(y, **options))
    listeners = np.repeat(["a", "b", "c", "d"], N_VOXELS // 4)
    assert split_reliability(y, listeners=listeners, **options).min() > 0.98
    assert split_reliability(y[:, :, :1], **options).min() > 0.98
    assert split_reliability(mixture("gaussian", noise=0.3)[2], **options).min() < 0.9


def test_halves_share_no_voxel_no_listener_and_no_repetition(monkeypatch):
    seen = []

    class Spy:
        def __init__(self, part):
            seen.append(part)
            self.responses = np.random.default_rng(0).random((len(part), 2))

    monkeypatch.setattr("heschl.components.halves.decompose", lambda part, **_: Spy(part))
    voxel = np.arange(40.0)[:, None] * 100
    y = np.broadcast_to(
        voxel + np.array([0.0, 1.0, 20.0]), (3, 40, 3)
    )  # a mean tells what it is of
    listeners = np.arange(40) // 8
    split_reliability(y, listeners=listeners, n_components=2, n_splits=6, show_progress=False)
    assert len(seen) == 13
    for first, second in zip(seen[1::2], seen[2::2], strict=True):
        voxels = [set((part[0] // 100).astype(int)) for part in (first, second)]
        assert voxels[0] | voxels[1] == set(range(40))
        assert not {v // 8 for v in voxels[0]} & {v // 8 for v in voxels[1]}
        repeats = [float(part[0, 0] % 100) for part in (first, second)]
        assert sorted(repeats) in ([0, 10.5], [1, 10], [0.5, 20])


@pytest.mark.parametrize(
    ("responses", "n_components", "error", "message"),
    [
        (np.zeros((5, 30)), 6, InputError, "5 sounds and 30 voxels for 6 components"),
        (np.zeros((30, 5)), 6, InputError, "30 sounds and 5 voxels for 6 components"),
        (np.eye(6), 6, InputError, "in 5 dimensions; expected at least 6"),
        (np.full((9, 9), np.nan), 2, InputError, "9 of 9 voxels have responses that are nan"),
        (np.zeros((9, 9, 3)), 2, InputError, r"expected \(n_sounds, n_voxels\)"),
        (np.eye(9), 0, UsageError, "n_components is 0"),
    ],
)
def test_decompose_refuses(responses, n_components, error, message):
    with pytest.raises(error, match=message):
        find(responses, n_components)


def test_restarts_and_splits_below_one():
    with pytest.raises(UsageError, match="n_restarts is 0"):
        find(np.eye(9), 2, n_restarts=0)
    with pytest.raises(UsageError, match="n_splits is 0"):
        split_reliability(np.zeros((9, 9, 2)), n_splits=0)


@pytest.mark.parametrize(
    ("responses", "listeners", "message"),
    [
        (np.zeros((9, 20)), None, r"expected \(n_sounds, n_voxels, n_repeats\)"),
        (np.full((9, 20, 2), np.nan), None, "nan or infinite"),
        (np.zeros((9, 20, 2)), np.zeros(3), "one per voxel"),
        (np.zeros((9, 20, 2)), np.full(20, "one"), "only listener is"),
        (np.zeros((9, 8, 2)), None, "holds 4 of them for 6 components"),
    ],
)
def test_halves_refuse(responses, listeners, message):
    with pytest.raises(InputError, match=message):
        split_reliability(responses, listeners=listeners)


@pytest.mark.shared
def test_published_components_come_out_of_noisy_voxels(shared, tmp_path):
    """Simulated voxels with the published profiles and weights, the noise of three scans averaged.

    2,781 voxels of 4,000 have three repetitions.
    """
    script = shared / "tools" / "make_mcdermott_fixture.py"
    sizes = ["--voxels-nh2015", "4000", "--voxels-b2021", "20"]
    subprocess.run([sys.executable, script, tmp_path, *sizes], check=True)
    y = np.load(tmp_path / "data/neural/NH2015/voxel_features_array.npy")
    complete = ~np.isnan(y).any(axis=(0, 2))
    found = find(y[:, complete].mean(axis=2), 6)
    published = scipy.io.loadmat(shared / "data/natsound165/components.mat")
    rows = [str(name[0]) for name in published["stim_names"][0]]
    with (shared / "data/natsound165/folds_pepino2025.csv").open() as handle:
        order = [rows.index(row["stimulus"]) for row in csv.DictReader(handle)]
    profiles = published["R"][order]
    matching = match(found.responses, profiles)
    assert matching.r.min() > 0.98  # all with the published sign
    with np.load(tmp_path / "truth.npz") as truth:
        weights = np.linalg.lstsq(profiles, truth["nh2015_signal"][:, complete])[0]
    mean_weights_agree(found.weights[matching.order], weights)
