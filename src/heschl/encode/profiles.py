"""How well every layer predicts by itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heschl import progress
from heschl.encode.nested import check_problem, nested_ridge
from heschl.encode.protocols import NestedRidgeProtocol

FloatArray = NDArray[np.float64]


def layer_profiles(
    features: Mapping[str, NDArray[np.floating]],
    responses: NDArray[np.floating],
    folds: NDArray[np.integer],
    *,
    protocol: str | NestedRidgeProtocol = "pepino2025",
    block_size: int = 8192,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> FloatArray:
    """Cross-validated r2 of every layer by itself.

    `heschl.encode.nested_ridge` with one layer at a time: only the penalty is chosen in the inner
    folds. The profile shows where in a model the responses are predicted best; its maximum over
    layers is no fair score, since the choice has then seen the test sounds.

    Parameters
    ----------
    features : mapping of str to ndarray, shape (n_sounds, n_features)
    responses : ndarray, shape (n_sounds, n_targets)
    folds : ndarray of int, shape (n_sounds,)
    protocol, block_size, n_jobs, show_progress
        As in `heschl.encode.nested_ridge`.

    Returns
    -------
    ndarray, shape (n_layers, n_targets)
        nan for targets left out.

    Raises
    ------
    InputError, UnknownNameError
        As `heschl.encode.nested_ridge`.
    """
    features = {name: np.asarray(x) for name, x in features.items()}
    folds = np.asarray(folds)
    check_problem(features, responses, folds)  # of all layers, before the work on the first
    out = []
    with progress.bar("layer profiles", len(features), "layers", show=show_progress) as advance:
        for name in features:
            found = nested_ridge(
                {name: features[name]},
                responses,
                folds,
                protocol=protocol,
                block_size=block_size,
                n_jobs=n_jobs,
                show_progress=False,
            )
            out.append(found.r2)
            advance(1)
    return np.stack(out)
