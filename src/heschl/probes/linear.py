"""Logistic regression on single layers, by scikit-learn: the quick look."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from heschl import progress
from heschl.errors import InputError, MissingDependencyError
from heschl.probes.protocols import LinearProbeProtocol
from heschl.probes.scores import score

#: Returns one layer of some clips, (n_clips, n_features), by its place.
Reader = Callable[[int], NDArray[np.float32]]


@dataclass(frozen=True)
class LinearFit:
    """The best of all layers and penalties.

    Attributes
    ----------
    layer, strength : int
        Their places.
    outputs : ndarray of float32, shape (n_clips, n_classes)
        Logits for the clips that were to be predicted.
    valid_scores : ndarray, shape (n_layers, n_strengths)
        nan where nothing was fitted.
    unfinished : ndarray of bool, shape (n_layers, n_strengths)
        Where the solver stopped before it had converged; the validation score counts all the same.
    """

    layer: int
    strength: int
    outputs: NDArray[np.float32] = field(repr=False)
    valid_scores: NDArray[np.float64] = field(repr=False)
    unfinished: NDArray[np.bool_] = field(repr=False)


def fit_linear(
    train: Reader,
    train_labels: NDArray[np.bool_],
    valid: Reader,
    valid_labels: NDArray[np.bool_],
    test: Reader,
    protocol: LinearProbeProtocol,
    *,
    n_layers: int,
    unit: str,
    multilabel: bool,
    only: tuple[int, int] | None = None,
    label: str = "Fitting",
    show_progress: bool = True,
) -> LinearFit:
    """Fit every layer with every penalty, and predict with the best on validation.

    Parameters
    ----------
    train, valid, test : function of int
        Each returns a layer, (n_clips, n_features), by its place; widths may differ.
    train_labels, valid_labels : ndarray of bool, shape (n_clips, n_classes)
    protocol : LinearProbeProtocol
    n_layers : int
    unit : str
        Of the validation score.
    multilabel : bool
        Classes by themselves, instead of one among all.
    only : tuple of int and int, optional
        Places of the layer and strength that were chosen before; nothing is searched.
    label : str, optional
        Of the progress bar.
    show_progress : bool, optional

    Returns
    -------
    LinearFit

    Raises
    ------
    MissingDependencyError
        If scikit-learn is not installed.
    InputError
        If every validation score is nan.
    """
    layers = range(n_layers) if only is None else [only[0]]
    places = range(len(protocol.strengths)) if only is None else [only[1]]
    scores = np.full((n_layers, len(protocol.strengths)), np.nan)
    unfinished = np.zeros(scores.shape, bool)
    n_fits = len(layers) * len(places)
    # several threads of BLAS cost more than they give: in products of this size, up to 100 times
    with (
        threadpool_limits(limits=1),
        progress.bar(label, n_fits, "fits", show=show_progress) as advance,
    ):
        for layer in layers:
            features, held_out = train(layer), valid(layer)
            for place in places:
                strength = protocol.strengths[place]
                fitted, converged = _fit(features, train_labels, strength, protocol, multilabel)
                unfinished[layer, place] = not converged
                scores[layer, place] = score(unit, _logits(fitted, held_out), valid_labels)
                advance(1)
    if np.isnan(scores).all():
        raise InputError(
            f"the validation score ({unit}) is nan for every layer; expected a validation split "
            "with clips of several classes"
        )
    best, place = (int(i) for i in np.unravel_index(np.nanargmax(scores), scores.shape))
    strength = protocol.strengths[place]
    with threadpool_limits(limits=1):
        fitted, _ = _fit(train(best), train_labels, strength, protocol, multilabel)
        outputs = _logits(fitted, test(best))
    return LinearFit(best, place, outputs, scores, unfinished)


def _fit(
    features: NDArray[np.float32],
    labels: NDArray[np.bool_],
    strength: float,
    protocol: LinearProbeProtocol,
    multilabel: bool,
) -> tuple[Any, bool]:
    """Return the fitted model, and whether its solver came to the end."""
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingDependencyError(
            "protocol 'linear' needs scikit-learn: pip install 'heschl[probe]'"
        ) from error
    model = LogisticRegression(C=strength, max_iter=protocol.max_iterations)
    chosen = OneVsRestClassifier(model) if multilabel else model
    expected = labels.astype(int) if multilabel else labels.argmax(axis=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = make_pipeline(StandardScaler(), chosen).fit(features, expected)
    stopped = [one for one in caught if issubclass(one.category, ConvergenceWarning)]
    for one in caught:
        if one not in stopped:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return fitted, not stopped


def _logits(fitted: Any, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return logits (n_clips, n_classes); of two classes scikit-learn gives the second's only."""
    found = np.asarray(fitted.decision_function(features), np.float32)
    return np.stack([-found, found], axis=1) if found.ndim == 1 else found
