"""What nested cross-validation computes from features and folds, before it sees a response.

For outer fold a and inner fold b a model is fitted to all sounds but those of a and b. The same
training sounds serve outer fold b with inner fold a, so every unordered pair of folds needs one
decomposition per layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heschl.encode.protocols import NestedRidgeProtocol
from heschl.encode.ridge import Fit, fit, rotate
from heschl.threads import run_threads

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Two folds held out together: decompositions of each layer, operators of each penalty.

    Attributes
    ----------
    first, second : int
        The folds; first < second.
    fits : tuple of Fit
        Per layer; the first fold's sounds are held out, then the second's.
    n_first : int
        Number of sounds in the first fold.
    operators : ndarray of float32, shape (n_layers, n_alphas * (n_held_out + 2), n_train)
        For each penalty the matrix from training responses to predictions, and two rows that give
        the sums of the first and of the second fold's predictions.
    gain : ndarray, shape (n_layers, n_alphas)
        Largest norm of an operator's rows: how much of the responses' rounding they pass on.
    """

    first: int
    second: int
    fits: tuple[Fit, ...]
    n_first: int
    operators: NDArray[np.float32]
    gain: FloatArray

    def sounds_of(self, fold: int) -> slice:
        """Where one of the two folds is among the held-out sounds."""
        return slice(0, self.n_first) if fold == self.first else slice(self.n_first, None)


@dataclass(frozen=True)
class Design:
    """Decompositions and operators for all layers, penalties and folds.

    Attributes
    ----------
    protocol : NestedRidgeProtocol
    members : tuple of ndarray of int
        Sounds of each fold.
    pairs : tuple of Pair
    refits : tuple of tuple of Fit
        Per outer fold and layer: fitted to all other folds, the outer fold held out.
    """

    protocol: NestedRidgeProtocol
    members: tuple[NDArray[np.intp], ...]
    pairs: tuple[Pair, ...]
    refits: tuple[tuple[Fit, ...], ...]

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return len(self.members)

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.refits[0])

    def inner(self, outer: int) -> list[tuple[int, Pair]]:
        """For an outer fold: each inner fold in order, with the pair that holds both out."""
        pairs = {frozenset((pair.first, pair.second)): pair for pair in self.pairs}
        return [(k, pairs[frozenset((k, outer))]) for k in range(self.n_folds) if k != outer]

    def training(self, outer: int) -> NDArray[np.intp]:
        """Sounds of all folds but one, fold by fold."""
        return np.concatenate([self.members[k] for k in range(self.n_folds) if k != outer])


def make_design(
    features: Mapping[str, NDArray[np.floating]],
    folds: NDArray[np.integer],
    protocol: NestedRidgeProtocol,
    n_jobs: int,
) -> Design:
    """Decompose every layer for every pair of folds and every outer fold."""
    n_folds = int(folds.max()) + 1
    members = tuple(np.flatnonzero(folds == k) for k in range(n_folds))
    rotated = run_threads(lambda item: (item[0], rotate(item[1])), features.items(), n_jobs=n_jobs)
    by_name = dict(rotated)
    layers = [by_name[name] for name in features]

    def others(*held_out: int) -> NDArray[np.intp]:
        return np.concatenate([members[k] for k in range(n_folds) if k not in held_out])

    def prepare_pair(held_out: tuple[int, int]) -> Pair:
        a, b = held_out
        tested = np.concatenate([members[a], members[b]])
        fits = tuple(fit(layer, others(a, b), tested) for layer in layers)
        made = [_operators(one, protocol.alphas, len(members[a])) for one in fits]
        operators, gain = np.stack([m[0] for m in made]), np.stack([m[1] for m in made])
        return Pair(a, b, fits, len(members[a]), operators, gain)

    def prepare_refit(outer: int) -> tuple[int, tuple[Fit, ...]]:
        return outer, tuple(fit(layer, others(outer), members[outer]) for layer in layers)

    held_out = [(a, b) for a in range(n_folds) for b in range(a + 1, n_folds)]
    pairs = run_threads(prepare_pair, held_out, n_jobs=n_jobs)
    refits = dict(run_threads(prepare_refit, range(n_folds), n_jobs=n_jobs))
    return Design(
        protocol=protocol,
        members=members,
        pairs=tuple(sorted(pairs, key=lambda pair: (pair.first, pair.second))),
        refits=tuple(refits[k] for k in range(n_folds)),
    )


def _operators(
    one: Fit, alphas: tuple[float, ...], n_first: int
) -> tuple[NDArray[np.float32], FloatArray]:
    n_held_out, n_train = len(one.held_out), len(one.train)
    stacked = np.empty((len(alphas), n_held_out + 2, n_train), np.float32)
    gain = np.empty(len(alphas))
    for i, alpha in enumerate(alphas):
        operator = one.operator(alpha)
        stacked[i, :-2] = operator
        stacked[i, -2] = operator[:n_first].sum(axis=0)
        stacked[i, -1] = operator[n_first:].sum(axis=0)
        gain[i] = np.sqrt(np.einsum("st,st->s", operator, operator).max())
    return stacked.reshape(-1, n_train), gain
