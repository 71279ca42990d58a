"""Voxel responses as weighted sums of a few response profiles.

Method of Norman-Haignere, Kanwisher and McDermott (2015), Neuron 88(6): responses D (n_sounds,
n_voxels) ~ R W, with profiles R (n_sounds, n_components) and weights W (n_components, n_voxels).
PCA gives the space of R; that of all its bases is taken whose weights are least Gaussian, because
sums of independent weights are closer to Gaussian than the weights themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl import progress
from heschl.components.rotation import least_gaussian, random_rotation
from heschl.errors import InputError, UsageError
from heschl.threads import n_threads, run_threads

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Decomposition:
    """What `decompose` returns; components in order of the variance they explain.

    Attributes
    ----------
    responses : ndarray, shape (n_sounds, n_components)
        Response profiles, in units of the responses: what a voxel responds more to each sound if
        its weight is larger by one standard deviation.
    weights : ndarray, shape (n_components, n_voxels)
        Of variance 1 over voxels (ddof 0) and uncorrelated, their mean kept. ``responses @
        weights`` is the projection of the voxels' responses on the space of the profiles.
    explained : ndarray, shape (n_components,)
        Share of the variance over voxels, summed over sounds. The shares of components add up,
        since their weights do not correlate.
    negentropy : ndarray, shape (n_components,)
        Of the weights, in nats; about 0 for Gaussian weights, about which the method says nothing.
    start_negentropy : ndarray, shape (n_restarts,)
        Sum over components reached from each random start, in nats. If few come near the largest,
        more starts may find a better optimum.
    """

    responses: FloatArray
    weights: FloatArray = field(repr=False)
    explained: FloatArray
    negentropy: FloatArray
    start_negentropy: FloatArray = field(repr=False)


def decompose(
    responses: NDArray[np.floating],
    *,
    n_components: int = 6,
    seed: int = 0,
    n_restarts: int = 10,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> Decomposition:
    """Find the response profiles whose weights over voxels are least Gaussian.

    What is removed and what is kept:

    - From each sound its mean over voxels, before the PCA. Whitening and negentropy are about how
      weights vary over voxels; mean weights, which are far from 0 in auditory cortex, would pass
      for variance and tilt all components towards the mean response. (The weights published with
      the paper are uncorrelated over voxels only once their means are removed. Of the six
      published profiles in simulated voxels, keeping the means loses three, r below 0.91.)
    - Nothing from each voxel: its mean over sounds is its response to sound as such. A caller who
      wants it removed does so before.
    - The weights returned are those of the responses as given, so the means are in them again.

    Signs are such that mean weights are above 0, as in the paper: a component is then something
    that the voxels at hand respond to. Skewness decides where the mean is 0 up to rounding.

    NH15 took voxels with a significant and reliable response. Simulated voxels with noise of beta
    distributed reliability need no selection, and lose by it if many are left out. To select, pass
    ``responses[:, keep]``, with ``keep`` from a threshold on each voxel's reliability.

    Parameters
    ----------
    responses : ndarray, shape (n_sounds, n_voxels)
        Mean over repetitions. A few thousand voxels are needed for precise profiles.
    n_components : int, optional
    seed : int, optional
    n_restarts : int, optional
        Random rotations to start from; the best result is kept.
    n_jobs : int, optional
        Threads; never changes the numbers.
    show_progress : bool, optional

    Returns
    -------
    Decomposition

    Raises
    ------
    InputError
        If responses are not (n_sounds, n_voxels), not finite, or vary over voxels in fewer
        dimensions than n_components.
    UsageError
        If n_components or n_restarts is below 1.
    """
    jobs = n_threads(n_jobs)
    y = _checked(responses, n_components, n_restarts)
    varying = y - y.mean(axis=1, keepdims=True)
    left, singular, right = np.linalg.svd(varying, full_matrices=False)
    _check_rank(y, singular, n_components)
    basis, singular = left[:, :n_components], singular[:n_components]
    # PCA leaves signs open; with these the search does not depend on the order of voxels
    signs = np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(n_components)])
    basis = basis * signs
    scale = np.sqrt(y.shape[1])
    white = right[:n_components] * (signs * scale)[:, None]
    rotation, gained, reached = _best_rotation(white, n_restarts, seed, jobs, show_progress)
    profiles = basis * (singular / scale) @ rotation.T
    weights = rotation @ (scale / singular[:, None] * (basis.T @ y))
    flip = _signs(weights)
    explained = np.einsum("sk,sk->k", profiles, profiles) * y.shape[1] / np.sum(varying**2)
    order = np.argsort(-explained, kind="stable")
    return Decomposition(
        responses=(profiles * flip)[:, order],
        weights=(weights * flip[:, None])[order],
        explained=explained[order],
        negentropy=gained[order],
        start_negentropy=reached,
    )


def _best_rotation(
    white: FloatArray, n_restarts: int, seed: int, n_jobs: int, show_progress: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the best rotation, its negentropies, and the sum reached from every start."""
    starts = [
        random_rotation(len(white), np.random.default_rng(child))
        for child in np.random.SeedSequence(seed).spawn(n_restarts)
    ]
    found: dict[int, tuple[FloatArray, FloatArray]] = {}
    with progress.bar("decomposition", n_restarts, "starts", show=show_progress) as advance:
        work = run_threads(
            lambda i: (i, least_gaussian(white, starts[i])), range(n_restarts), n_jobs=n_jobs
        )
        for i, result in work:
            found[i] = result
            advance()
    reached = np.array([found[i][1].sum() for i in range(n_restarts)])
    return (*found[int(np.argmax(reached))], reached)


def _signs(weights: FloatArray) -> FloatArray:
    """Sign of the mean of weights of variance 1, or of the skewness where that is 0."""
    mean = weights.mean(axis=1)
    third = np.mean((weights - mean[:, None]) ** 3, axis=1)
    return np.where(np.where(np.abs(mean) > 1e-9, mean, third) < 0, -1.0, 1.0)


def _checked(responses: NDArray[np.floating], n_components: int, n_restarts: int) -> FloatArray:
    for name, value in (("n_components", n_components), ("n_restarts", n_restarts)):
        if value < 1:
            raise UsageError(f"{name} is {value}; expected a whole number of at least 1")
    y = np.asarray(responses, np.float64)
    if y.ndim != 2:
        raise InputError(
            f"responses have shape {y.shape}; expected (n_sounds, n_voxels): the mean over "
            "repetitions"
        )
    if min(y.shape) < n_components:
        raise InputError(
            f"{y.shape[0]} sounds and {y.shape[1]} voxels for {n_components} components; expected "
            "at least as many of each: lower n_components"
        )
    missing = int((~np.isfinite(y)).any(axis=0).sum())
    if missing:
        raise InputError(
            f"{missing} of {y.shape[1]} voxels have responses that are nan or infinite; leave "
            "these voxels out"
        )
    return y


def _check_rank(y: FloatArray, singular: FloatArray, n_components: int) -> None:
    """Raise InputError if there is nothing to whiten in the last component."""
    null = max(y.shape) * np.finfo(np.float64).eps * float(np.linalg.norm(y))
    rank = int(np.count_nonzero(singular > null))
    if rank < n_components:
        raise InputError(
            f"the responses vary over voxels in {rank} dimensions; expected at least "
            f"{n_components}: lower n_components or add voxels"
        )
