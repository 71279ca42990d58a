"""Whether components come out again from other voxels and other repetitions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl import progress
from heschl.components.decomposition import decompose
from heschl.components.matching import match
from heschl.errors import InputError, UsageError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Half = tuple[IntArray, IntArray]


def split_reliability(
    responses: NDArray[np.floating],
    *,
    listeners: NDArray[np.generic] | None = None,
    n_components: int = 6,
    n_splits: int = 5,
    seed: int = 0,
    n_restarts: int = 10,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> FloatArray:
    """Correlate profiles between decompositions of two halves of the data.

    Voxels are divided at random, or listeners with all their voxels, and repetitions are: each half
    holds the mean over some repetitions in some voxels, and nothing of it is in the other half. The
    halves' components are paired by `match`. Since the best pairs are taken, correlations of what
    is no component at all are well above 0; compare with other components, not with 0.

    Parameters
    ----------
    responses : ndarray, shape (n_sounds, n_voxels, n_repeats)
        Of an odd number of repetitions one half has one more; a single one serves both halves.
    listeners : ndarray, shape (n_voxels,), optional
        Whose voxel it is. By default voxels are divided whosever they are.
    n_components, seed, n_restarts, n_jobs, show_progress : optional
        As in `decompose`.
    n_splits : int, optional

    Returns
    -------
    ndarray, shape (n_splits, n_components)
        Absolute Pearson r of response profiles. Columns stand in the order of the components of
        all data together.

    Raises
    ------
    InputError
        If the shape is another, halves have too few voxels, there is one listener only, or values
        are not finite.
    UsageError
        If n_splits, n_components or n_restarts is below 1.
    """
    if n_splits < 1:
        raise UsageError(f"n_splits is {n_splits}; expected a whole number of at least 1")
    y, groups = _checked(responses, listeners)
    rng = np.random.default_rng(seed)
    halves = [_halves(groups, y.shape[2], rng) for _ in range(n_splits)]
    smallest = min(len(voxels) for pair in halves for voxels, _ in pair)
    if smallest <= n_components:
        raise InputError(
            f"a half of the voxels holds {smallest} of them for {n_components} components; "
            "expected more voxels than components: lower n_components or add voxels"
        )

    def profiles(part: FloatArray) -> FloatArray:
        return decompose(
            part,
            n_components=n_components,
            seed=seed,
            n_restarts=n_restarts,
            n_jobs=n_jobs,
            show_progress=False,
        ).responses

    out = np.empty((n_splits, n_components))
    with progress.bar("halves", 2 * n_splits + 1, "decompositions", show=show_progress) as advance:
        whole = profiles(y.mean(axis=2))
        advance()
        for s, pair in enumerate(halves):
            parts = (y[:, voxels][:, :, repeats].mean(axis=2) for voxels, repeats in pair)
            first, second = (profiles(part) for part in parts)
            own = match(first, whole)
            partner = match(second, first[:, own.order])
            out[s] = np.abs(partner.r)
            advance(2)
    return out


def _halves(groups: IntArray, n_repeats: int, rng: np.random.Generator) -> list[Half]:
    """Draw two halves: the voxels and the repetitions of each."""
    n_groups = int(groups.max()) + 1
    in_first = np.isin(groups, rng.permutation(n_groups)[: n_groups // 2])
    order = rng.permutation(n_repeats)
    middle = n_repeats // 2
    some, others = (order[:middle], order[middle:]) if middle else (order, order)
    return [(np.flatnonzero(in_first), some), (np.flatnonzero(~in_first), others)]


def _checked(
    responses: NDArray[np.floating], listeners: NDArray[np.generic] | None
) -> tuple[FloatArray, IntArray]:
    """Return the responses, and a number from 0 for whatever is divided, per voxel."""
    y = np.asarray(responses, np.float64)
    if y.ndim != 3 or min(y.shape) < 1:
        raise InputError(
            f"responses have shape {y.shape}; expected (n_sounds, n_voxels, n_repeats)"
        )
    if not np.isfinite(y).all():
        raise InputError(
            "responses hold nan or infinite values; leave out voxels with missing repetitions"
        )
    if listeners is None:
        return y, np.arange(y.shape[1])
    names = np.asarray(listeners)
    if names.shape != (y.shape[1],):
        raise InputError(
            f"listeners have shape {names.shape} for {y.shape[1]} voxels; expected one per voxel"
        )
    known, groups = np.unique(names, return_inverse=True)
    if len(known) < 2:
        raise InputError(f"the only listener is {known[0]!r}; expected at least two to divide")
    return y, groups
