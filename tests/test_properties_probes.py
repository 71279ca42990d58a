"""Probes on drawn clips: scores, components, products and rows, beside scikit-learn and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from drawn_arrays import LAYOUTS, SEEDS, drawn, laid_out
from heschl import stats
from heschl.errors import InputError
from heschl.probes import SCORES, score
from heschl.probes.linear import fit_linear
from heschl.probes.products import linear
from heschl.probes.protocols import LinearProbeProtocol
from heschl.probes.reduction import fit_components, n_components
from heschl.probes.rows import ArrayRows, blocks

OUTPUTS = st.sampled_from((0.0, -0.0, 1.0, -1.0, 2.0, 1e-30, 1e30, -1e30, 1 + 2**-20))


@st.composite
def clips(draw, kind=np.float32):
    """Outputs with ties, and labels: one each, several, none, or the same for all."""
    shape = draw(st.tuples(st.integers(1, 14), st.integers(1, 4)))
    outputs = draw(arrays(kind, shape, elements=OUTPUTS if kind == np.float32 else None))
    labels = draw(arrays(bool, shape))
    return outputs, labels


def by_sklearn(unit, outputs, labels, weights):
    """A score of clips with weights; nan where no class is told from others."""
    outputs = outputs.astype(np.float64)
    if unit == "accuracy":
        hit = [
            one[np.flatnonzero(row == row.max())[0]]
            for row, one in zip(outputs, labels, strict=True)
        ]
        return np.average(hit, weights=weights)
    found = []
    for column, right in zip(outputs.T, labels.T, strict=True):
        if len(set(right[weights > 0])) < 2:
            continue
        if unit == "mAP":
            found.append(metrics.average_precision_score(right, column, sample_weight=weights))
        else:
            found.append(metrics.roc_auc_score(right, column, sample_weight=weights))
    if unit == "d_prime":
        with np.errstate(divide="ignore"):
            found = [np.sqrt(2) * scipy.stats.norm.ppf(one) for one in found]
    with np.errstate(invalid="ignore"):
        return np.mean(found) if found else np.nan


@pytest.mark.parametrize("unit", SCORES)
@settings(max_examples=25, deadline=None)
@given(made_up=clips(), seed=SEEDS, layout=st.sampled_from(LAYOUTS))
def test_scores_are_scikit_learns_with_ties_and_resamples(unit, made_up, seed, layout):
    outputs, labels = made_up
    counts = np.concatenate([np.ones((1, len(labels)), int), stats.resamples(len(labels), 3, seed)])
    found = score(unit, laid_out(outputs, layout), labels, counts)
    for one, weights in zip(found, counts, strict=True):
        expected = by_sklearn(unit, outputs, labels, weights)
        assert one == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)
    assert score(unit, outputs, labels.astype(int)) == pytest.approx(found[0], nan_ok=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    moved = score(unit, outputs[order], labels[order], counts[:, order])
    np.testing.assert_allclose(moved, found, rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(made_up=clips(np.uint8) | clips(np.int8) | clips(bool), unit=st.sampled_from(list(SCORES)))
def test_whole_numbers_are_ordered_as_numbers(made_up, unit):
    outputs, labels = made_up
    expected = score(unit, outputs.astype(np.float64), labels)
    np.testing.assert_array_equal(score(unit, outputs, labels), expected)


@pytest.mark.parametrize("unit", SCORES)
def test_a_resample_without_clips_has_no_score_and_labels_are_yes_or_no(unit):
    outputs, labels = np.eye(2), np.eye(2, dtype=bool)
    found = score(unit, outputs, labels, np.array([[0, 0], [1, 1]]))
    np.testing.assert_array_equal(np.isnan(found), [True, False])
    for wrong in (np.array([[np.nan, 1], [0, 1]]), np.array([[2, 0], [0, 1]])):
        with pytest.raises(InputError, match=r"a label is (nan|2); expected True or False"):
            score(unit, outputs, wrong)
    with pytest.raises(InputError, match="counts of type float64; expected whole numbers"):
        score(unit, outputs, labels, np.empty((0, 2)))


@settings(max_examples=25, deadline=None)
@given(
    seed=SEEDS,
    n=st.integers(2, 20),
    width=st.integers(1, 20),
    rank=st.integers(1, 20),
    scale=st.sampled_from((1e-10, 1.0, 1e15)),
    offset=st.sampled_from((0.0, 5.0)),
    data=st.data(),
)
def test_components_are_scikit_learns_up_to_sign(seed, n, width, rank, scale, offset, data):
    """Components of rounding noise, which has no directions, are left out of both."""
    rank = min(rank, width)
    x = drawn(seed, n, rank) @ drawn(seed + 1, rank, width) + offset
    x = (scale * x).astype(np.float32)
    n_kept = n_components(n, [width, data.draw(st.integers(1, 20))])
    size = data.draw(st.integers(1, n))
    found = fit_components(
        (x[i : i + size] for i in range(0, n, size)), n_train=n, width=width, n_kept=n_kept
    )
    theirs = PCA(n_kept, svd_solver="full").fit(x.astype(np.float64))
    variance = theirs.explained_variance_
    np.testing.assert_allclose(found.mean, x.mean(axis=0, dtype=np.float64), rtol=1e-9)
    apart = np.abs(np.diff(variance, append=0)) > 1e-3 * variance[0]
    apart[1:] &= apart[:-1]  # from both neighbours: else any rotation of the two will do
    real = np.flatnonzero(apart & (variance > 1e-6 * variance[0]))
    mine, expected = found.transform(x)[:, real], theirs.transform(x.astype(np.float64))[:, real]
    signs = np.sign((mine * expected).sum(axis=0))
    np.testing.assert_allclose(mine, signs * expected, atol=1e-4 * np.abs(expected).max(initial=0))
    used = found.axes.any(axis=1)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.diag(used.astype(float)), atol=1e-5)
    assert used.sum() <= min(rank, n - 1)
    largest = np.take_along_axis(found.axes, np.abs(found.axes).argmax(axis=1)[:, None], axis=1)
    assert (largest[used] > 0).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=SEEDS,
    n_stacked=st.integers(1, 3),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    kind=st.sampled_from((torch.float32, torch.float64)),
)
def test_products_and_their_gradients_are_sums_of_products(seed, n_stacked, sizes, kind):
    n, n_in, n_out = sizes
    x = torch.tensor(drawn(seed, n_stacked, n, n_in), dtype=kind, requires_grad=True)
    weight = torch.tensor(drawn(seed + 1, n_stacked, n_out, n_in), dtype=kind, requires_grad=True)
    upstream = drawn(seed + 2, n_stacked, n, n_out)
    found = linear(x, weight)
    found.backward(torch.tensor(upstream, dtype=kind))
    a, b = (one.detach().double().numpy() for one in (x, weight))
    tolerance = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(found.detach().numpy(), np.einsum("kni,koi->kno", a, b), **tolerance)
    of_x, of_weight = np.einsum("kno,koi->kni", upstream, b), np.einsum("kno,kni->koi", upstream, a)
    np.testing.assert_allclose(x.grad.numpy(), of_x, **tolerance)
    np.testing.assert_allclose(weight.grad.numpy(), of_weight, **tolerance)


@settings(max_examples=20, deadline=None)
@given(
    seed=SEEDS,
    shape=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 4)),
    data=st.data(),
    layout=st.sampled_from(LAYOUTS),
)
def test_rows_are_taken_in_order_and_blocks_leave_none_out(seed, shape, data, layout):
    x = drawn(seed, *shape)
    rows = ArrayRows(laid_out(x, layout))
    indices = np.array(data.draw(st.lists(st.integers(0, shape[1] - 1), max_size=12)), int)
    expected = x.astype(np.float32)[:, indices]
    np.testing.assert_array_equal(rows.take(indices), expected)
    room = np.empty(expected.shape, np.float32)
    assert rows.take(indices, out=room) is room
    np.testing.assert_array_equal(room, expected)
    size = data.draw(st.integers(1, 12))
    parts = list(blocks(rows.n_rows, size))
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(shape[1]))
    assert all(len(part) == size for part in parts[:-1])


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, n_classes=st.integers(2, 4), strengths=st.permutations((0.01, 1.0, 10.0)))
def test_the_best_layer_and_penalty_are_those_of_scikit_learn(seed, n_classes, strengths):
    named = np.arange(24) % n_classes
    labels = np.eye(n_classes, dtype=bool)[named]
    layers = [drawn(seed + k, 24, 2 + k) + 0.7 * k * labels[:, :1] for k in range(3)]
    train, valid = np.arange(12), np.arange(12, 24)
    protocol = LinearProbeProtocol("linear", 1, tuple(strengths), 500, "", "")
    found = fit_linear(
        lambda layer: layers[layer][train],
        labels[train],
        lambda layer: layers[layer][valid],
        labels[valid],
        lambda layer: layers[layer][valid],
        protocol,
        n_layers=3,
        unit="accuracy",
        multilabel=False,
        show_progress=False,
    )
    expected = np.zeros((3, 3))
    outputs = {}
    for k, x in enumerate(layers):
        scaler = StandardScaler().fit(x[train])
        for place, strength in enumerate(strengths):
            one = LogisticRegression(C=strength, max_iter=500)
            one.fit(scaler.transform(x[train]), named[train])
            predicted = one.predict(scaler.transform(x[valid]))
            expected[k, place] = metrics.accuracy_score(named[valid], predicted)
            outputs[k, place] = one.decision_function(scaler.transform(x[valid]))
    np.testing.assert_allclose(found.valid_scores, expected, rtol=1e-12)
    best = np.unravel_index(expected.argmax(), expected.shape)
    assert (found.layer, found.strength) == best
    theirs = outputs[best]
    if n_classes == 2:
        theirs = np.stack([-theirs, theirs], axis=1)
    np.testing.assert_allclose(found.outputs, theirs, rtol=1e-4, atol=1e-4)
