"""The choice of layer and penalty, in double precision, and the final fit.

Candidates of the single-precision grid are scored again where there are several. Targets that share
a layer go together, through all steps of the edge rule.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heschl.encode.correlation import correlation_with, spread
from heschl.encode.design import Design
from heschl.threads import run_threads

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
#: Columns that are scored at a time: a few targets take several steps of the edge rule at once.
LOOK_AHEAD = 512


class InnerScorer:
    """Inner cross-validation of one layer in one outer training set.

    The inner folds lie in one array, filled up with zeros to the size of the largest, so that one
    call predicts them all. A column of ones beside the held-out features meets a row of training
    means below the rotated responses: predictions come with their means.

    Parameters
    ----------
    z : ndarray, shape (n_sounds, n_targets)
        Standardised responses.
    outer, layer : int
    design : Design
    """

    def __init__(self, z: FloatArray, outer: int, layer: int, design: Design) -> None:
        inner = design.inner(outer)
        measured = z[design.training(outer)]
        self._norm = spread(measured)
        self._centred = measured - measured.mean(axis=0)
        fits = [pair.fits[layer] for _, pair in inner]
        held_out = [
            one.projected[pair.sounds_of(k)] for one, (k, pair) in zip(fits, inner, strict=True)
        ]
        n_inner, rank = len(inner), max(len(one.singular) for one in fits)
        sizes = np.array([len(x) for x in held_out])
        self._held_out = np.zeros((n_inner, sizes.max(), rank + 1))
        self._singular = np.ones((n_inner, rank, 1, 1))
        self._rotated = np.zeros((n_inner, rank + 1, z.shape[1]))
        for i, (one, x) in enumerate(zip(fits, held_out, strict=True)):
            train, n = z[one.train], len(one.singular)
            self._held_out[i, : len(x), :n] = x
            self._held_out[i, : len(x), -1] = 1.0
            self._singular[i, :n, 0, 0] = one.singular
            np.matmul(one.left.T, train, out=self._rotated[i, :n])
            self._rotated[i, -1] = train.mean(axis=0)
        real = np.arange(sizes.max()) < sizes[:, None]
        self._real = None if real.all() else np.flatnonzero(real)

    def keep(self, targets: IntArray | NDArray[np.bool_]) -> None:
        """Forget all targets but these."""
        self._norm = self._norm[targets]
        self._centred = self._centred[:, targets]
        self._rotated = self._rotated[:, :, targets]

    def score(self, alphas: FloatArray) -> FloatArray:
        """R2 at each penalty, (n_alphas, n_targets); 0 if r is negative or undefined."""
        n_inner, rank_and_mean, n_targets = self._rotated.shape
        n_columns = len(alphas) * n_targets
        weights = np.empty((n_inner, rank_and_mean, len(alphas), n_targets))
        s = self._singular
        shrink = s / (s * s + alphas[:, None])
        np.multiply(shrink, self._rotated[:, :-1, None], out=weights[:, :-1])
        weights[:, -1] = self._rotated[:, -1, None]
        predicted = self._held_out @ weights.reshape(n_inner, rank_and_mean, n_columns)
        predicted = predicted.reshape(-1, len(alphas), n_targets)
        if self._real is not None:
            predicted = predicted[self._real]
        return np.maximum(correlation_with(predicted, self._centred, self._norm), 0) ** 2


@dataclass
class Choice:
    """Best entry so far of each outer fold and target.

    Attributes
    ----------
    score : ndarray, shape (n_folds, n_targets)
        Inner r2; -1 where there was one candidate only, and no need to know.
    alpha_index, layer : ndarray of int, shape (n_folds, n_targets)
    """

    score: FloatArray
    alpha_index: IntArray
    layer: IntArray


def choose(
    z: FloatArray, candidate: NDArray[np.bool_], design: Design, n_jobs: int
) -> tuple[IntArray, FloatArray]:
    """Layer and penalty of each outer fold and target, by score, order of the grid, edge rule.

    Parameters
    ----------
    z : ndarray, shape (n_sounds, n_targets)
        Standardised responses.
    candidate : ndarray of bool, shape (n_folds, n_alphas, n_layers, n_targets)
        See `heschl.encode.grid.candidates`.
    design : Design
    n_jobs : int

    Returns
    -------
    layer, alpha : ndarray, shape (n_folds, n_targets)
    """
    best = _best_candidate(z, candidate, design, n_jobs)
    alphas = np.array(design.protocol.alphas)
    alpha = alphas[best.alpha_index]

    def walk(group: tuple[int, int, int, IntArray]) -> tuple[int, IntArray, FloatArray]:
        outer, layer, edge, targets = group
        factor = 0.5 if edge == 0 else 2.0
        scorer = InnerScorer(z[:, targets], outer, layer, design)
        start = float(alphas[edge])
        return outer, targets, walk_edge(scorer, start, factor, design.protocol.bounds)

    groups = _edge_groups(best, len(alphas), design)
    for outer, targets, found in run_threads(walk, groups, n_jobs=n_jobs):
        alpha[outer, targets] = found
    return best.layer, alpha


def _best_candidate(
    z: FloatArray, candidate: NDArray[np.bool_], design: Design, n_jobs: int
) -> Choice:
    n_folds, n_alphas, n_layers, n_targets = candidate.shape
    flat = candidate.reshape(n_folds, n_alphas * n_layers, n_targets)
    entry = flat.argmax(axis=1)  # the only candidate, or the first
    score = np.full((n_folds, n_targets), -1.0)
    several = flat.sum(axis=1) > 1
    alphas = np.array(design.protocol.alphas)

    def rescore(at: tuple[int, int]) -> tuple[int, int, IntArray, IntArray, FloatArray]:
        outer, layer = at
        mine = candidate[outer, :, layer]
        targets = np.flatnonzero(mine.any(axis=0) & several[outer])
        wanted = np.flatnonzero(mine[:, targets].any(axis=1))
        if not targets.size:
            return outer, layer, targets, wanted, np.empty((0, 0))
        scorer = InnerScorer(z[:, targets], outer, layer, design)
        fresh = np.concatenate([scorer.score(alphas[[i]]) for i in wanted])
        return outer, layer, targets, wanted, np.where(mine[np.ix_(wanted, targets)], fresh, -1.0)

    tasks = itertools.product(range(n_folds), range(n_layers))
    for outer, layer, targets, wanted, fresh in run_threads(rescore, tasks, n_jobs=n_jobs):
        for index, new in zip(wanted, fresh, strict=True):
            here = index * n_layers + layer
            old, first = score[outer, targets], entry[outer, targets]
            wins = (new > old) | ((new == old) & (here < first))
            score[outer, targets[wins]] = new[wins]
            entry[outer, targets[wins]] = here
    return Choice(score, entry // n_layers, entry % n_layers)


def _edge_groups(
    best: Choice, n_alphas: int, design: Design
) -> Iterator[tuple[int, int, int, IntArray]]:
    """Outer fold, layer, edge of the grid, and the targets whose best entry is there."""
    for outer, edge in itertools.product(range(design.n_folds), (0, n_alphas - 1)):
        at_edge = best.alpha_index[outer] == edge
        for layer in np.unique(best.layer[outer, at_edge]):
            yield outer, int(layer), edge, np.flatnonzero(at_edge & (best.layer[outer] == layer))


def walk_edge(
    scorer: InnerScorer, alpha: float, factor: float, bounds: tuple[float, float]
) -> FloatArray:
    """Carry penalties beyond the edge of the grid for as long as the score strictly rises.

    The published rule appends one more penalty in the best layer, moves the bound there, and takes
    the best of all again. Nothing but the appended entry can have become the best; if it has not,
    the best is no longer at a bound and the search ends. So a walk in one layer and one direction
    is the rule.

    Parameters
    ----------
    scorer : InnerScorer
        Of the targets at this edge; it forgets those that have stopped.
    alpha, factor : float
        The edge, and one half or two.
    bounds : tuple of float
        Penalties never leave them.

    Returns
    -------
    ndarray, shape (n_targets,)
        The chosen penalties.
    """
    score = scorer.score(np.array([alpha]))[0]
    chosen = np.full(len(score), alpha)
    rising = np.arange(len(score))
    while rising.size:
        ahead = _steps(alpha, factor, bounds, max(1, LOOK_AHEAD // rising.size))
        if not ahead.size:
            break
        scores = np.vstack([score, scorer.score(ahead)])
        n_rises = np.cumprod(np.diff(scores, axis=0) > 0, axis=0).sum(axis=0)
        moved = n_rises > 0
        chosen[rising[moved]] = ahead[n_rises[moved] - 1]
        going_on = n_rises == len(ahead)
        rising, score, alpha = rising[going_on], scores[-1, going_on], float(ahead[-1])
        if not going_on.all():
            scorer.keep(going_on)
    return chosen


def _steps(alpha: float, factor: float, bounds: tuple[float, float], at_most: int) -> FloatArray:
    """Return the next penalties beyond one, as far as the bounds allow."""
    steps: list[float] = []
    while len(steps) < at_most and bounds[0] <= alpha * factor <= bounds[1]:
        alpha *= factor
        steps.append(alpha)
    return np.array(steps)


def refit(
    z: FloatArray, layer: IntArray, alpha: FloatArray, design: Design, n_jobs: int
) -> FloatArray:
    """Predict every sound by the fit that never saw it, each target from its own layer and penalty.

    Parameters
    ----------
    z : ndarray, shape (n_sounds, n_targets)
        Standardised responses.
    layer, alpha : ndarray, shape (n_folds, n_targets)
    design : Design
    n_jobs : int

    Returns
    -------
    ndarray, shape (n_sounds, n_targets)
    """
    predicted = np.empty_like(z)

    def one_group(at: tuple[int, int]) -> None:
        outer, index = at
        targets = np.flatnonzero(layer[outer] == index)
        one = design.refits[outer][index]
        train = z[np.ix_(one.train, targets)]
        weights = one.shrink(alpha[outer, targets, None]).T * (one.left.T @ train)
        here = one.projected @ weights + train.mean(axis=0)
        predicted[np.ix_(one.held_out, targets)] = here

    tasks = [(outer, int(k)) for outer in range(design.n_folds) for k in np.unique(layer[outer])]
    for _ in run_threads(one_group, tasks, n_jobs=n_jobs):
        pass
    return predicted
