"""The choice of layer and penalty, in double precision, and the final fit.

Candidates of the single-precision grid are scored again where there are several. Targets that share
a layer go together, through all steps of the edge rule.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heschl.encode.correlation import correlation_with, spread
from heschl.encode.design import Design
from heschl.encode.ridge import Fit
from heschl.threads import run_threads

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


#: Targets a group needs on average for threads to help: below, they wait for the interpreter.
WORTH_THREADS = 512


@dataclass(frozen=True)
class _Part:
    """One inner fold: what turns a penalty into predictions of its sounds.

    A column of ones beside the held-out features meets a row of training means below the rotated
    responses, so that one product gives predictions with their means.
    """

    fit: Fit
    held_out: FloatArray  # (n_held_out, rank + 1)
    rotated: FloatArray  # (rank + 1, n_targets)

    def predict(self, alpha: float, out: FloatArray) -> None:
        weights = self.held_out.copy()
        weights[:, :-1] *= self.fit.shrink(alpha)
        np.matmul(weights, self.rotated, out=out)


class InnerScorer:
    """Inner cross-validation of one layer in one outer training set.

    Parameters
    ----------
    z : ndarray, shape (n_sounds, n_targets)
        Standardised responses.
    outer, layer : int
    design : Design
    """

    def __init__(self, z: FloatArray, outer: int, layer: int, design: Design) -> None:
        inner = design.inner(outer)
        measured = np.concatenate([z[design.members[k]] for k, _ in inner])
        self._norm = spread(measured)
        self._centred = measured - measured.mean(axis=0)
        self._parts = []
        for k, pair in inner:
            one = pair.fits[layer]
            train = z[one.train]
            rotated = np.concatenate([one.left.T @ train, train.mean(axis=0, keepdims=True)])
            held_out = one.projected[pair.sounds_of(k)]
            ones = np.ones((len(held_out), 1))
            self._parts.append(_Part(one, np.hstack([held_out, ones]), rotated))

    def keep(self, targets: IntArray | NDArray[np.bool_]) -> None:
        """Forget all targets but these."""
        self._norm = self._norm[targets]
        self._centred = self._centred[:, targets]
        self._parts = [replace(part, rotated=part.rotated[:, targets]) for part in self._parts]

    def score(self, alpha: float) -> FloatArray:
        """R2 of each target at one penalty, (n_targets,); 0 if r is negative or undefined."""
        predicted = np.empty_like(self._centred)
        start = 0
        for part in self._parts:
            stop = start + len(part.held_out)
            part.predict(alpha, predicted[start:stop])
            start = stop
        r = correlation_with(predicted, self._centred, self._norm)
        return np.asarray(np.maximum(r, 0) ** 2)


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

    groups = list(_edge_groups(best, len(alphas), design))
    n_targets = sum(len(targets) for *_, targets in groups)
    jobs = n_jobs if n_targets > WORTH_THREADS * len(groups) else 1
    for outer, targets, found in run_threads(walk, groups, n_jobs=jobs):
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

    def rescore(at: tuple[int, int]) -> tuple[int, int, IntArray, IntArray, FloatArray]:
        outer, layer = at
        mine = candidate[outer, :, layer]
        targets = np.flatnonzero(mine.any(axis=0) & several[outer])
        wanted = np.flatnonzero(mine[:, targets].any(axis=1))
        if not targets.size:
            return outer, layer, targets, wanted, np.empty((0, 0))
        scorer = InnerScorer(z[:, targets], outer, layer, design)
        fresh = np.stack([scorer.score(design.protocol.alphas[i]) for i in wanted])
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
    score = scorer.score(alpha)
    chosen = np.full(len(score), alpha)
    rising = np.arange(len(score))
    while rising.size and bounds[0] <= alpha * factor <= bounds[1]:
        alpha *= factor
        new = scorer.score(alpha)
        better = new > score
        rising, score = rising[better], new[better]
        chosen[rising] = alpha
        if not better.all():
            scorer.keep(better)
    return chosen


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
