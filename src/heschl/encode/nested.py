"""Nested cross-validated ridge regression for all targets, layers and penalties at once.

`design` decomposes the features once; `grid` scores all layers and penalties in single precision, a
tile of targets at a time; `choice` settles in double precision whatever is close, follows the edge
rule and fits the winners. All choices are those of double precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl import progress
from heschl.checks import check_folds
from heschl.encode.choice import choose, refit
from heschl.encode.correlation import correlation
from heschl.encode.design import Design, make_design
from heschl.encode.grid import candidates
from heschl.encode.protocols import PROTOCOLS, NestedRidgeProtocol
from heschl.errors import InputError, UsageError
from heschl.threads import n_threads, run_threads

FloatArray = NDArray[np.float64]

#: Targets that one thread takes through the grid at a time; what they need fits its cache.
TILE = 512


@dataclass(frozen=True)
class NestedRidge:
    """What `nested_ridge` returns.

    Attributes
    ----------
    r : ndarray, shape (n_targets,)
        Pearson correlation of the responses with all out-of-fold predictions; 0 where undefined
        (constant responses or predictions), nan for targets left out.
    r2 : ndarray, shape (n_targets,)
        Its square, where negative correlations count as 0.
    layer : ndarray of str, shape (n_folds, n_targets)
        Layer chosen in each outer fold; empty for targets left out.
    alpha : ndarray, shape (n_folds, n_targets)
        Penalty chosen in each outer fold; nan for targets left out.
    predictions : ndarray, shape (n_sounds, n_targets)
        Each sound's prediction by the fit that never saw it.
    layer_index : ndarray of int, shape (n_folds, n_targets)
        Index into ``layers``; -1 for targets left out.
    layers : tuple of str
    """

    r: FloatArray
    r2: FloatArray
    layer: NDArray[np.str_] = field(repr=False)
    alpha: FloatArray = field(repr=False)
    predictions: FloatArray = field(repr=False)
    layer_index: NDArray[np.int64] = field(repr=False)
    layers: tuple[str, ...] = field(repr=False)


def nested_ridge(
    features: Mapping[str, NDArray[np.floating]],
    responses: NDArray[np.floating],
    folds: NDArray[np.integer],
    *,
    protocol: str | NestedRidgeProtocol = "pepino2025",
    block_size: int = 8192,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> NestedRidge:
    """Predict every target from the best layer, chosen and scored in nested cross-validation.

    Per target and outer fold: every layer and penalty is scored by r2 between the responses to the
    training sounds and the predictions of each of their folds from the others; while the best
    penalty lies at an edge of the grid, the grid is extended by halves or doubles in that layer;
    the winner is fitted to all training sounds and predicts the outer fold. Source: Pepino et al.
    (2025), arXiv:2511.16849, regression analysis.

    Parameters
    ----------
    features : mapping of str to ndarray, shape (n_sounds, n_features)
        Layers in order; they may differ in their numbers of features. Not scaled.
    responses : ndarray, shape (n_sounds, n_targets)
        Targets with any nan are left out.
    folds : ndarray of int, shape (n_sounds,)
        Labels 0 to n_folds - 1, at least three folds.
    protocol : str or NestedRidgeProtocol, optional
        Grid of penalties and bounds.
    block_size : int, optional
        Targets computed at a time; memory grows with it, the numbers do not depend on it beyond
        rounding.
    n_jobs : int, optional
        Threads; by default every core this process may use. Never changes the numbers.
    show_progress : bool, optional

    Returns
    -------
    NestedRidge

    Raises
    ------
    InputError
        If shapes disagree, features are not finite, responses are infinite, or a fold is empty.
    UnknownNameError
        If there is no such protocol.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((60, 8))
    >>> y = x @ rng.standard_normal((8, 3))
    >>> nested_ridge({"layer": x}, y, np.arange(60) % 5).r2.round(3)
    array([1., 1., 1.])
    """
    chosen = PROTOCOLS[protocol] if isinstance(protocol, str) else protocol
    if block_size < 1:
        raise UsageError(f"block_size is {block_size}; expected a whole number of at least 1")
    jobs = n_threads(n_jobs)
    features = {name: np.asarray(x) for name, x in features.items()}
    folds = np.asarray(folds)
    y = check_problem(features, responses, folds)
    out = _empty_result(tuple(features), y.shape, int(folds.max()) + 1)
    complete = np.flatnonzero(~np.isnan(y).any(axis=0))
    if not complete.size:
        return out
    design = make_design(features, folds, chosen, jobs)
    with progress.bar("regression", len(complete), "targets", show=show_progress) as advance:
        for start in range(0, len(complete), block_size):
            block = complete[start : start + block_size]
            _solve(y[:, block], block, design, out, jobs, advance)
    known = out.layer_index >= 0
    out.layer[known] = np.array(out.layers)[out.layer_index[known]]
    return out


def r2_of_block(y: FloatArray, design: Design, n_jobs: int) -> FloatArray:
    """r2 of one block of targets with a design that was made before, for many such blocks.

    Parameters
    ----------
    y : ndarray, shape (n_sounds, n_targets)
        Without nan.
    design : Design
    n_jobs : int

    Returns
    -------
    ndarray, shape (n_targets,)
    """
    out = _empty_result(("",) * design.n_layers, (len(y), y.shape[1]), design.n_folds)
    _solve(y, np.arange(y.shape[1]), design, out, n_jobs, lambda steps=1, /: None)
    return out.r2


def _empty_result(layers: tuple[str, ...], shape: tuple[int, int], n_folds: int) -> NestedRidge:
    n_sounds, n_targets = shape
    return NestedRidge(
        r=np.full(n_targets, np.nan),
        r2=np.full(n_targets, np.nan),
        layer=np.full((n_folds, n_targets), "", dtype=np.array(layers).dtype),
        alpha=np.full((n_folds, n_targets), np.nan),
        predictions=np.full((n_sounds, n_targets), np.nan),
        layer_index=np.full((n_folds, n_targets), -1),
        layers=layers,
    )


def _solve(
    y: FloatArray,
    targets: NDArray[np.intp],
    design: Design,
    out: NestedRidge,
    jobs: int,
    advance: progress.Advance,
) -> None:
    """Compute one block of responses (n_sounds, n_targets) into its columns of ``out``."""
    flat = np.ptp(y, axis=0) == 0
    mean = np.where(flat, y[0], y.mean(axis=0))
    centred = y - mean
    scale = np.where(flat, 1.0, np.sqrt(np.mean(centred * centred, axis=0)))
    z = centred / scale  # leaves r as it is, and makes single precision safe

    tiles = [slice(i, i + TILE) for i in range(0, len(targets), TILE)]
    n_alphas = len(design.protocol.alphas)
    candidate = np.empty((design.n_folds, n_alphas, design.n_layers, len(targets)), bool)

    def scan(tile: slice) -> int:
        candidate[..., tile] = candidates(z[:, tile], design)
        return candidate[..., tile].shape[-1]

    share = 0.7  # of the work
    for done in run_threads(scan, tiles, n_jobs=jobs):
        advance(share * done)
    layer, alpha = choose(z, candidate, design, jobs)
    predicted = refit(z, layer, alpha, design, jobs)
    r = correlation(predicted, z)
    out.layer_index[:, targets] = layer
    out.alpha[:, targets] = alpha
    out.predictions[:, targets] = predicted * scale + mean
    out.r[targets] = r
    out.r2[targets] = np.maximum(r, 0) ** 2
    advance((1 - share) * len(targets))


def check_problem(
    features: Mapping[str, NDArray[np.floating]],
    responses: NDArray[np.floating],
    folds: NDArray[np.integer],
) -> FloatArray:
    """Refuse what cannot be computed; return the responses in double precision."""
    y = np.asarray(responses, dtype=np.float64)
    if y.ndim != 2:
        raise InputError(f"responses have shape {y.shape}; expected (n_sounds, n_targets)")
    if np.isinf(y).any():
        raise InputError("responses hold infinite values; use nan for targets to leave out")
    check_features(features, len(y))
    check_nested_folds(folds, len(y))
    return y


def check_features(features: Mapping[str, NDArray[np.floating]], n_sounds: int) -> None:
    """Raise InputError unless every layer has one row of finite numbers for each sound."""
    if not features:
        raise InputError("no features were given; expected at least one layer")
    for name, x in features.items():
        if np.ndim(x) != 2 or x.shape[0] != n_sounds or x.shape[1] == 0:
            raise InputError(
                f"features of layer {name!r} have shape {np.shape(x)}; expected ({n_sounds}, "
                "n_features): one row for each row of the responses"
            )
        if not np.issubdtype(x.dtype, np.number) or np.iscomplexobj(x):
            raise InputError(f"features of layer {name!r} are of type {x.dtype}; expected numbers")
        if not np.isfinite(x).all():
            raise InputError(f"features of layer {name!r} hold nan or infinity; expected numbers")


def check_nested_folds(folds: NDArray[np.integer], n_sounds: int) -> None:
    """Raise InputError unless folds are labels 0 to k - 1, all used, at least three of them."""
    check_folds(folds, n_sounds)
    n_folds = int(folds.max()) + 1
    if n_folds < 3:
        raise InputError(
            f"{n_folds} folds; expected at least 3: nested cross-validation holds out two"
        )
