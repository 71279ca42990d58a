"""Regression on random halves of the sounds with a correction for noise, for all targets at once.

Protocol "tuckute2023" of Tuckute, Feather, Boebinger and McDermott (2023), PLoS Biol 21(12).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl import progress
from heschl.encode.nested import check_features
from heschl.encode.protocols import CORRECTED_PROTOCOLS, CorrectedRidgeProtocol
from heschl.encode.ridge import fit, rotate
from heschl.encode.split_scores import SplitScores, median_agreement, score_split
from heschl.encode.splits import random_splits
from heschl.errors import InputError, UsageError
from heschl.threads import n_threads, run_threads

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class CorrectedRidge:
    """What `corrected_ridge` returns.

    Attributes
    ----------
    protocol : CorrectedRidgeProtocol
    layers : tuple of str
    r : ndarray, shape (n_layers, n_splits, n_targets)
        Pearson's r on the test sounds; 0 where the prediction is constant; nan for targets left
        out.
    alpha : ndarray, shape (n_layers, n_splits, n_targets)
        Penalty of the fit to the mean response. Many large ones, and many small ones, give the
        same error: then the largest of them stands.
    constant : ndarray of bool, shape (n_layers, n_splits, n_targets)
        Whether the prediction is constant up to rounding.
    predicted_agreement : ndarray, shape (n_layers, n_splits, n_targets)
        Median correlation between the predictions of fits to single repetitions, undefined ones
        left out; nan if all are.
    agreement : ndarray, shape (n_splits, n_targets)
        Median correlation between repetitions, over the training sounds, likewise.
    """

    protocol: CorrectedRidgeProtocol
    layers: tuple[str, ...]
    r: FloatArray = field(repr=False)
    alpha: FloatArray = field(repr=False)
    constant: NDArray[np.bool_] = field(repr=False)
    predicted_agreement: FloatArray = field(repr=False)
    agreement: FloatArray = field(repr=False)

    @property
    def r2(self) -> FloatArray:
        """Squared r, where negative ones count as 0."""
        return np.maximum(self.r, 0) ** 2

    @property
    def at_edge(self) -> NDArray[np.bool_]:
        """Whether alpha is the first or the last of the grid."""
        return np.isin(self.alpha, (self.protocol.alphas[0], self.protocol.alphas[-1]))

    @property
    def reliability(self) -> FloatArray:
        """Of the mean response, (n_splits, n_targets), not below the floor."""
        floored = _floored(self.agreement, self.protocol.floor)
        return np.where(np.isnan(self.r).all(axis=0), np.nan, floored)

    @property
    def predicted_reliability(self) -> FloatArray:
        """Of the predictions, (n_layers, n_splits, n_targets), not below the floor."""
        floored = _floored(self.predicted_agreement, self.protocol.predicted_floor)
        return np.where(np.isnan(self.r), np.nan, floored)

    @property
    def r2_corrected(self) -> FloatArray:
        """R2 divided by both reliabilities, (n_layers, n_splits, n_targets); may exceed 1."""
        return self.r2 / (self.reliability * self.predicted_reliability)


def _floored(agreement: FloatArray, floor: float) -> FloatArray:
    """Spearman-Brown for three repetitions, not below the floor; the floor where undefined.

    As published, the formula is taken as it stands also below -1/2, where it turns positive.
    """
    with np.errstate(divide="ignore"):
        return np.fmax(3 * agreement / (1 + 2 * agreement), floor)


def corrected_ridge(
    features: Mapping[str, NDArray[np.floating]],
    responses: NDArray[np.floating],
    *,
    protocol: str | CorrectedRidgeProtocol = "tuckute2023",
    block_size: int = 8192,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> CorrectedRidge:
    """Predict every target from every layer on random halves of the sounds.

    Per split, layer and target a ridge regression is fitted to the mean response to the training
    sounds, its penalty chosen by leave-one-out squared error, and correlated with the mean response
    to the test sounds. r2 is divided by the reliabilities of the response and of the prediction,
    each by Spearman-Brown for three repetitions from the median correlation of the three
    repetitions (training sounds), and of the predictions of fits to each of them (test sounds).
    Source: Tuckute et al. (2023), PLoS Biol 21(12), e3002366.

    Penalties far above the largest squared singular value of the features all predict the mean, and
    penalties far below the smallest all interpolate: their leave-one-out errors are equal here, and
    the first in the grid (the largest) is chosen. In scikit-learn's RidgeCV they differ by rounding
    noise, which then decides. With more features than sounds this noise, about 1e-14 / alpha, also
    spoils its predictions below an alpha of about 1e-8; those here go to the minimum-norm solution.
    So the scores of reliable voxels are those of the published code, while those of voxels without
    signal, whose fits often choose the mean, differ: there published numbers are rounding noise.

    Parameters
    ----------
    features : mapping of str to ndarray, shape (n_sounds, n_features)
        Layers in order. Not scaled.
    responses : ndarray, shape (n_sounds, n_targets, 3)
        Targets with any nan are left out.
    protocol : str or CorrectedRidgeProtocol, optional
    block_size : int, optional
        Targets computed at a time; memory grows with it, the numbers do not depend on it beyond
        rounding.
    n_jobs : int, optional
        Threads; by default every core this process may use. Never changes the numbers.
    show_progress : bool, optional

    Returns
    -------
    CorrectedRidge

    Raises
    ------
    InputError
        If there are not three repetitions or as many sounds as the protocol splits, shapes
        disagree, or features are not finite.
    UnknownNameError
        If there is no such protocol.
    """
    chosen = CORRECTED_PROTOCOLS[protocol] if isinstance(protocol, str) else protocol
    if block_size < 1:
        raise UsageError(f"block_size is {block_size}; expected a whole number of at least 1")
    jobs = n_threads(n_jobs)
    features = {name: np.asarray(x) for name, x in features.items()}
    y = _check(features, responses)
    splits = random_splits(chosen, len(y))
    out = _empty_result(chosen, tuple(features), y.shape[1])
    complete = np.flatnonzero(~np.isnan(y).any(axis=(0, 2)))
    layers = dict(run_threads(lambda kv: (kv[0], rotate(kv[1])), features.items(), n_jobs=jobs))
    steps = len(features) * len(splits) * len(complete)
    with progress.bar("regression", steps, "fits", show=show_progress) as advance:
        for start in range(0, len(complete), block_size):
            block = complete[start : start + block_size]
            # repetitions before targets: they are fitted side by side
            part = np.ascontiguousarray(y[:, block].transpose(0, 2, 1))
            for s, (train, _) in enumerate(splits):
                out.agreement[s, block] = median_agreement(part[train])

            def work(at: tuple[int, int], part: FloatArray = part) -> tuple[int, int, SplitScores]:
                index, s = at
                one = fit(layers[out.layers[index]], *splits[s])
                return index, s, score_split(one, part, chosen)

            tasks = itertools.product(range(len(features)), range(len(splits)))
            for index, s, found in run_threads(work, tasks, n_jobs=jobs):
                out.r[index, s, block] = found.r
                out.alpha[index, s, block] = found.alpha
                out.constant[index, s, block] = found.constant
                out.predicted_agreement[index, s, block] = found.agreement
                advance(len(block))
    return out


def _empty_result(
    protocol: CorrectedRidgeProtocol, layers: tuple[str, ...], n_targets: int
) -> CorrectedRidge:
    shape = (len(layers), protocol.n_splits, n_targets)
    return CorrectedRidge(
        protocol=protocol,
        layers=layers,
        r=np.full(shape, np.nan),
        alpha=np.full(shape, np.nan),
        constant=np.zeros(shape, bool),
        predicted_agreement=np.full(shape, np.nan),
        agreement=np.full(shape[1:], np.nan),
    )


def _check(
    features: Mapping[str, NDArray[np.floating]], responses: NDArray[np.floating]
) -> FloatArray:
    y = np.asarray(responses, np.float64)
    if y.ndim != 3 or y.shape[2] != 3:
        raise InputError(
            f"responses have shape {y.shape}; expected (n_sounds, n_targets, 3): the correction "
            "for noise needs three repetitions of every sound"
        )
    if np.isinf(y).any():
        raise InputError("responses hold infinite values; use nan for targets to leave out")
    check_features(features, len(y))
    return y
