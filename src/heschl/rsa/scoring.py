"""Scores of a model by representational similarity, with the two published choices of layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl.checks import check_folds
from heschl.errors import InputError
from heschl.rsa.choice import assemble, best_over_listeners, layer_choices
from heschl.rsa.comparison import as_rdms, known_rows, region_labels
from heschl.rsa.dissimilarity import count_sounds
from heschl.rsa.layers import model_rdms
from heschl.rsa.protocols import PROTOCOLS, RsaProtocol
from heschl.rsa.ranks import Ranked, weighted_rho, weighted_rho_of_rows

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Rsa:
    """What `score` returns.

    Attributes
    ----------
    rho : ndarray, shape (n_groups,)
        The score: Spearman's rho of each brain RDM with its row of ``model``.
    layer_rho : ndarray, shape (n_groups, n_layers)
        Spearman's rho with every layer's RDM.
    layer_index : ndarray of int, shape (n_groups, n_choices)
        Layers chosen: "crossval" one for each pair of folds i <= j in order, "max" one. -1 for
        groups left out.
    model : ndarray, shape (n_groups, n_pairs)
        What was compared with each brain RDM: the assembled matrix, or the best layer's.
    layers : tuple of str
    """

    rho: FloatArray
    layer_rho: FloatArray = field(repr=False)
    layer_index: IntArray = field(repr=False)
    model: FloatArray = field(repr=False)
    layers: tuple[str, ...] = field(repr=False)


def score(
    features: Mapping[str, NDArray[np.floating]],
    brain: FloatArray,
    folds: NDArray[np.integer],
    *,
    protocol: str | RsaProtocol = "pepino2025",
    regions: Sequence[object] | None = None,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> Rsa:
    """Compare the layers of a model with brains.

    "crossval": for every pair of folds i <= j in order, entries of the matrix with the row in fold
    i or the column in fold j are held out; the layer with the highest rho on the other entries of
    the upper triangle fills them, later pairs overwriting earlier ones; rho of the brain RDM with
    the matrix so assembled is the score. (Above the diagonal the mask of i < j is not symmetric;
    it is kept as published.) "max": the layer with the highest mean of rho over listeners. Source:
    Pepino et al. (2025), arXiv:2511.16849.

    Parameters
    ----------
    features : mapping of str to ndarray, shape (n_sounds, n_features)
        Layers in order.
    brain : ndarray, shape (n_groups, n_pairs)
        Upper triangles of the RDM of each listener, or of each listener and region. Rows with nan
        are left out.
    folds : ndarray of int, shape (n_sounds,)
        Labels 0 to n_folds - 1. "max" does not look at them.
    protocol : str or RsaProtocol, optional
        "pepino2025" (crossval) or "pepino2025-max".
    regions : sequence, shape (n_groups,), optional
        Rows with equal labels share the layer of "max"; by default all do. "crossval" chooses for
        each row alone.
    n_jobs : int, optional
        Threads; never changes the numbers.
    show_progress : bool, optional

    Returns
    -------
    Rsa

    Raises
    ------
    InputError
        If shapes disagree, features are not finite, or folds leave no pairs to choose a layer from.
    UnknownNameError
        If there is no such protocol.

    Examples
    --------
    >>> import numpy as np
    >>> from heschl import rsa
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((20, 50))
    >>> brain = rsa.upper_triangle(rsa.rdm(x))[None]
    >>> rsa.score({"layer": x}, brain, np.arange(20) % 5, show_progress=False).rho
    array([1.])
    """
    chosen = find_protocol(protocol)
    features = {name: np.asarray(x) for name, x in features.items()}
    brain, folds = as_rdms(brain), np.asarray(folds)
    check_folds(folds, count_sounds(brain.shape[1]))
    region_labels(brain, regions)
    for name, x in features.items():
        if x.ndim != 2 or len(x) != len(folds):
            raise InputError(
                f"features of layer {name!r} have shape {x.shape}; expected ({len(folds)}, "
                "n_features): one row for each sound"
            )
    return score_rdms(
        model_rdms(features, n_jobs=n_jobs, show_progress=show_progress),
        brain,
        folds,
        layers=tuple(features),
        protocol=chosen,
        regions=regions,
        n_jobs=n_jobs,
    )


def score_rdms(
    model: FloatArray,
    brain: FloatArray,
    folds: NDArray[np.integer],
    *,
    layers: Iterable[str] | None = None,
    protocol: str | RsaProtocol = "pepino2025",
    regions: Sequence[object] | None = None,
    n_jobs: int | None = None,
) -> Rsa:
    """As `score`, from dissimilarity matrices of the layers.

    Parameters
    ----------
    model : ndarray, shape (n_layers, n_pairs)
        Upper triangles, without nan.
    brain : ndarray, shape (n_groups, n_pairs)
    folds : ndarray of int, shape (n_sounds,)
    layers : iterable of str, optional
        Names; "0", "1" ... by default.
    protocol, regions, n_jobs
        As in `score`.

    Returns
    -------
    Rsa

    Raises
    ------
    InputError
        If shapes disagree, model matrices hold nan, or folds leave no pairs to choose a layer from.
    UnknownNameError
        If there is no such protocol.
    """
    chosen = find_protocol(protocol)
    model, brain, folds = as_rdms(model), as_rdms(brain), np.asarray(folds)
    names = _check(model, brain, folds, layers)
    labels = region_labels(brain, regions)
    known = known_rows(brain)
    of_model, of_brain = Ranked(model), Ranked(brain[known])
    ranks = of_brain.centred()
    layer_rho = np.full((len(brain), len(model)), np.nan)
    layer_rho[known] = weighted_rho(ranks, of_model.centred())
    compared = np.full(brain.shape, np.nan)
    if chosen.layer_choice == "max":
        index = best_over_listeners(layer_rho, labels, known)[:, None]
        compared[known] = model[index[known, 0]]
    else:
        choices = layer_choices(of_model, of_brain, folds, n_jobs)
        index = np.full((len(brain), choices.shape[1]), -1)
        index[known], compared[known] = choices, assemble(model, choices, folds)
    rho = np.full(len(brain), np.nan)
    rho[known] = weighted_rho_of_rows(ranks, Ranked(compared[known]).centred())
    return Rsa(rho, layer_rho, index, compared, names)


def find_protocol(protocol: str | RsaProtocol) -> RsaProtocol:
    """Return the protocol of that name, or the one given."""
    return PROTOCOLS[protocol] if isinstance(protocol, str) else protocol


def _check(
    model: FloatArray,
    brain: FloatArray,
    folds: NDArray[np.integer],
    layers: Iterable[str] | None,
) -> tuple[str, ...]:
    """Return the names of the layers."""
    if not len(model) or brain.shape[1] != model.shape[1]:
        raise InputError(
            f"brain RDMs of shape {brain.shape}, model RDMs of shape {model.shape}; expected "
            "(n_groups, n_pairs) and (n_layers, n_pairs) with at least one layer"
        )
    check_folds(folds, count_sounds(model.shape[1]))
    names = tuple(layers) if layers is not None else tuple(map(str, range(len(model))))
    if len(names) != len(model):
        raise InputError(f"{len(names)} names of layers for {len(model)} model RDMs")
    missing = np.flatnonzero(~known_rows(model))
    if missing.size:
        raise InputError(
            f"the RDM of layer {names[missing[0]]!r} holds nan; leave that layer out before"
        )
    return names
