"""Scores of a model by representational similarity, with the two published choices of layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl import progress
from heschl.errors import InputError
from heschl.rsa.comparison import known_rows, region_labels, spearman
from heschl.rsa.dissimilarity import count_sounds, rdm, upper_triangle
from heschl.rsa.protocols import PROTOCOLS, RsaProtocol
from heschl.rsa.ranks import Ranked, weighted_rho, weighted_rho_of_rows
from heschl.threads import run_threads

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Rsa:
    """What `score` returns.

    Attributes
    ----------
    rho : ndarray, shape (n_groups,)
        Spearman's rho of each brain RDM with what the model predicts for it.
    layer_rho : ndarray, shape (n_groups, n_layers)
        Spearman's rho with every layer's RDM.
    layer_index : ndarray of int, shape (n_groups, n_choices)
        Layers chosen: "crossval" one for each pair of folds i <= j in order, "max" one. -1 for
        groups left out.
    model : ndarray, shape (n_groups, n_pairs)
        The model's RDM that was compared with each brain RDM.
    layers : tuple of str
    """

    rho: FloatArray
    layer_rho: FloatArray = field(repr=False)
    layer_index: IntArray = field(repr=False)
    model: FloatArray = field(repr=False)
    layers: tuple[str, ...] = field(repr=False)


def model_rdms(
    features: Mapping[str, NDArray[np.floating]],
    *,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> FloatArray:
    """Upper triangle of every layer's RDM, (n_layers, n_pairs); see `heschl.rsa.rdm`."""
    out: dict[str, FloatArray] = {}
    with progress.bar("dissimilarities", len(features), "layers", show=show_progress) as advance:
        work = run_threads(
            lambda name: (name, upper_triangle(rdm(features[name]))), features, n_jobs=n_jobs
        )
        for name, one in work:
            out[name] = one
            advance(1)
    return np.stack([out[name] for name in features])


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
        Labels 0 to n_folds - 1.
    protocol : str or RsaProtocol, optional
        "pepino2025" (crossval) or "pepino2025-max".
    regions : sequence, shape (n_groups,), optional
        Rows with equal labels share the layer of "max". By default all do.
    n_jobs : int, optional
        Threads; never changes the numbers.
    show_progress : bool, optional

    Returns
    -------
    Rsa

    Raises
    ------
    InputError
        If shapes disagree or features are not finite.
    UnknownNameError
        If there is no such protocol.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((20, 50))
    >>> brain = upper_triangle(rdm(x))[None]
    >>> score({"layer": x}, brain, np.arange(20) % 5, show_progress=False).rho
    array([1.])
    """
    if not features:
        raise InputError("no features were given; expected at least one layer")
    for name, x in features.items():
        if x.ndim != 2 or len(x) != len(folds):
            raise InputError(
                f"features of layer {name!r} have shape {x.shape}; expected ({len(folds)}, "
                "n_features): one row for each sound"
            )
    model = model_rdms(features, n_jobs=n_jobs, show_progress=show_progress)
    return score_rdms(
        model, brain, folds, layers=tuple(features), protocol=protocol, regions=regions
    )


def score_rdms(
    model: FloatArray,
    brain: FloatArray,
    folds: NDArray[np.integer],
    *,
    layers: Iterable[str] | None = None,
    protocol: str | RsaProtocol = "pepino2025",
    regions: Sequence[object] | None = None,
) -> Rsa:
    """As `score`, from the upper triangles of the layers' RDMs, (n_layers, n_pairs)."""
    chosen = PROTOCOLS[protocol] if isinstance(protocol, str) else protocol
    folds = np.asarray(folds)
    if brain.ndim != 2 or brain.shape[1] != model.shape[1]:
        raise InputError(
            f"brain RDMs of shape {brain.shape}, model RDMs of shape {model.shape}; expected "
            "(n_groups, n_pairs) and (n_layers, n_pairs)"
        )
    if count_sounds(model.shape[1]) != len(folds):
        raise InputError(f"{len(folds)} folds for {count_sounds(model.shape[1])} sounds")
    names = tuple(layers) if layers is not None else tuple(map(str, range(len(model))))
    labels = region_labels(brain, regions)
    known = known_rows(brain)
    layer_rho = spearman(brain, model)
    compared = np.full(brain.shape, np.nan)
    if chosen.layer_choice == "max":
        index = _best_over_listeners(layer_rho, labels)
        compared[known] = model[index[known, 0]]
    else:
        index = np.full((len(brain), _n_fold_pairs(folds)), -1)
        index[known], compared[known] = _crossvalidated(model, brain[known], folds)
    rho = np.full(len(brain), np.nan)
    ones = np.ones(brain.shape[1])
    mine, theirs = Ranked(brain[known]).centred(ones), Ranked(compared[known]).centred(ones)
    rho[known] = weighted_rho_of_rows(mine, theirs, ones)
    return Rsa(rho, layer_rho, index, compared, names)


def _best_over_listeners(layer_rho: FloatArray, labels: NDArray[np.str_]) -> IntArray:
    """Return the layer with the highest mean rho over the rows of each label, (n_groups, 1)."""
    index = np.full((len(layer_rho), 1), -1)
    for label in dict.fromkeys(labels):
        rows = (labels == label) & ~np.isnan(layer_rho).any(axis=1)
        if rows.any():
            index[rows, 0] = layer_rho[rows].mean(axis=0).argmax()
    return index


def _n_fold_pairs(folds: NDArray[np.integer]) -> int:
    n_folds = int(folds.max()) + 1
    return n_folds * (n_folds + 1) // 2


def _crossvalidated(
    model: FloatArray, brain: FloatArray, folds: NDArray[np.integer]
) -> tuple[IntArray, FloatArray]:
    """Return chosen layers (n_groups, n_choices) and assembled RDMs (n_groups, n_pairs)."""
    row, column = np.triu_indices(len(folds), 1)
    n_folds = int(folds.max()) + 1
    of_model, of_brain = Ranked(model), Ranked(brain)
    assembled = np.empty_like(brain)
    chosen = []
    for i in range(n_folds):
        for j in range(i, n_folds):
            held_out = (folds[row] == i) | (folds[column] == j)
            weights = (~held_out).astype(np.float64)
            rho = weighted_rho(of_brain.centred(weights), of_model.centred(weights), weights)
            best = rho.argmax(axis=1)
            assembled[:, held_out] = model[best][:, held_out]
            chosen.append(best)
    return np.stack(chosen, axis=1), assembled
