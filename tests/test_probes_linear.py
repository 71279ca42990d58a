"""The quick probe: scikit-learn's own, with the layer and the penalty chosen on validation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from heschl.errors import InputError
from heschl.probes import PROTOCOLS, score
from heschl.probes.linear import fit_linear

PROTOCOL = PROTOCOLS["linear"]
WIDTHS, N_CLASSES = (6, 9, 4), 3


def made_up(n, seed, multilabel=False, n_classes=N_CLASSES):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).standard_normal((n_classes, WIDTHS[1]))
    if multilabel:
        labels = rng.random((n, n_classes)) < 0.4
    else:
        labels = np.eye(n_classes, dtype=bool)[rng.integers(0, n_classes, n)]
    layers = [5 + 2 * rng.standard_normal((n, width)).astype(np.float32) for width in WIDTHS]
    layers[1] += (labels @ centres).astype(np.float32)
    return layers, labels


def fit(multilabel=False, n_classes=N_CLASSES, **options):
    parts = [made_up(n, i, multilabel, n_classes) for i, n in enumerate((120, 80, 50))]
    (train, train_labels), (valid, valid_labels), (test, _) = parts
    found = fit_linear(
        train.__getitem__, train_labels, valid.__getitem__, valid_labels, test.__getitem__,
        PROTOCOL, n_layers=len(WIDTHS), unit="mAP" if multilabel else "accuracy",
        multilabel=multilabel, show_progress=False, **options,
    )  # fmt: skip
    return found, parts


@pytest.mark.parametrize("multilabel", [False, True])
def test_it_is_scikit_learn(multilabel):
    found, ((train, train_labels), (valid, valid_labels), (test, _)) = fit(multilabel)
    expected = np.empty((len(WIDTHS), len(PROTOCOL.strengths)))
    outputs = {}
    for layer in range(len(WIDTHS)):
        scaler = StandardScaler().fit(train[layer])
        for place, strength in enumerate(PROTOCOL.strengths):
            model = LogisticRegression(C=strength, max_iter=300)
            model = OneVsRestClassifier(model) if multilabel else model
            target = train_labels.astype(int) if multilabel else train_labels.argmax(axis=1)
            model.fit(scaler.transform(train[layer]), target)
            logits = model.decision_function(scaler.transform(valid[layer]))
            expected[layer, place] = score(
                "mAP" if multilabel else "accuracy", logits, valid_labels
            )
            outputs[layer, place] = model.decision_function(scaler.transform(test[layer]))
    np.testing.assert_allclose(found.valid_scores, expected, rtol=1e-6)
    assert (found.layer, found.strength) == np.unravel_index(expected.argmax(), expected.shape)
    assert found.layer == 1
    np.testing.assert_allclose(
        found.outputs, outputs[found.layer, found.strength], rtol=1e-3, atol=1e-4
    )
    assert not found.unfinished.any()


def test_two_classes_have_two_logits():
    found, parts = fit(n_classes=2)
    assert found.outputs.shape == (50, 2)
    assert float(score("accuracy", found.outputs, parts[2][1])) > 0.6


def test_an_earlier_choice_is_used():
    searched, _ = fit()
    again, _ = fit(only=(searched.layer, searched.strength))
    np.testing.assert_array_equal(again.outputs, searched.outputs)
    assert np.isnan(again.valid_scores).sum() == again.valid_scores.size - 1


def test_a_solver_that_stops_early_is_noted():
    protocol = dataclasses.replace(PROTOCOL, max_iterations=1)
    layers, labels = made_up(120, 0)
    found = fit_linear(
        layers.__getitem__, labels, layers.__getitem__, labels, layers.__getitem__, protocol,
        n_layers=3, unit="accuracy", multilabel=False, show_progress=False,
    )  # fmt: skip
    assert found.unfinished.all()


def test_a_score_that_is_always_nan_is_refused():
    layers, labels = made_up(120, 0, multilabel=True)
    nobody = np.zeros_like(labels)
    with pytest.raises(InputError, match=r"score \(mAP\) is nan for every layer"):
        fit_linear(
            layers.__getitem__, labels, layers.__getitem__, nobody, layers.__getitem__, PROTOCOL,
            n_layers=3, unit="mAP", multilabel=True, show_progress=False,
        )  # fmt: skip
