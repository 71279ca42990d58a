"""What nested ridge regression scores when responses have nothing to do with the sounds.

A permuted copy of a target is a target like any other: all copies share the decompositions of the
features, which are made once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heschl import progress
from heschl.encode.design import make_design
from heschl.encode.nested import check_problem, r2_of_block
from heschl.encode.protocols import PROTOCOLS, NestedRidgeProtocol
from heschl.errors import UsageError
from heschl.threads import n_threads

FloatArray = NDArray[np.float64]


def permutation_null(
    features: Mapping[str, NDArray[np.floating]],
    responses: NDArray[np.floating],
    folds: NDArray[np.integer],
    *,
    n_permutations: int,
    seed: int,
    protocol: str | NestedRidgeProtocol = "pepino2025",
    block_size: int = 8192,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> FloatArray:
    """r2 of `heschl.encode.nested_ridge` when the responses' sounds are permuted.

    The whole procedure is repeated with every permutation: layer and penalty are chosen again, so
    that the null includes what the choice among layers gains by chance. All targets of a sample get
    the same permutation: what they have in common stays, and a median over a listener's voxels, or
    a mean over listeners, taken within each sample is a draw of that number's null.

    The null is that the sounds are exchangeable: any sound could have evoked any of the responses.
    Their mean, variance and whole marginal distribution stay as measured. Sounds are exchanged
    across folds and categories, so rejecting it does not tell more than that some feature of the
    sounds, their category included, is shared by model and brain.

    Parameters
    ----------
    features, responses, folds
        As `heschl.encode.nested_ridge`.
    n_permutations : int
        The smallest p value is 1 / (1 + n_permutations).
    seed : int
        Of ``np.random.default_rng``, which draws one permutation of the sounds after another.
    protocol : str or NestedRidgeProtocol, optional
    block_size : int, optional
        Permuted targets computed at a time; memory grows with it, the numbers do not depend on it
        beyond rounding.
    n_jobs : int, optional
        Threads; never changes the numbers.
    show_progress : bool, optional

    Returns
    -------
    ndarray, shape (n_permutations, n_targets)
        nan for targets left out (any nan).

    Raises
    ------
    InputError, UnknownNameError
        As `heschl.encode.nested_ridge`.
    UsageError
        If there are to be fewer than one permutation, or ``block_size`` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((60, 8))
    >>> y = x @ rng.standard_normal((8, 3))  # predicted without error
    >>> null = permutation_null({"layer": x}, y, np.arange(60) % 5, n_permutations=19, seed=0)
    >>> null.shape, bool((null < 0.5).all())
    ((19, 3), True)
    """
    chosen = PROTOCOLS[protocol] if isinstance(protocol, str) else protocol
    for name, number in (("n_permutations", n_permutations), ("block_size", block_size)):
        if number < 1:
            raise UsageError(f"{name} is {number}; expected a whole number of at least 1")
    jobs = n_threads(n_jobs)
    features = {name: np.asarray(x) for name, x in features.items()}
    folds = np.asarray(folds)
    y = check_problem(features, responses, folds)
    complete = np.flatnonzero(~np.isnan(y).any(axis=0))
    out = np.full((n_permutations, y.shape[1]), np.nan)
    if not complete.size:
        return out
    rng = np.random.default_rng(seed)
    orders = np.stack([rng.permutation(len(y)) for _ in range(n_permutations)], axis=1)
    design = make_design(features, folds, chosen, jobs)
    n_columns = n_permutations * complete.size
    with progress.bar("permutation", n_columns, "targets", show=show_progress) as advance:
        for start in range(0, n_columns, block_size):
            columns = np.arange(start, min(start + block_size, n_columns))
            sample, place = np.divmod(columns, complete.size)
            target = complete[place]
            out[sample, target] = r2_of_block(y[orders[:, sample], target], design, jobs)
            advance(len(columns))
    return out
