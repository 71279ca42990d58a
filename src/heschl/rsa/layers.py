"""Dissimilarity matrices of a model's layers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heschl import progress
from heschl.errors import InputError
from heschl.rsa.dissimilarity import rdm, upper_triangle
from heschl.threads import run_threads

FloatArray = NDArray[np.float64]


def model_rdms(
    features: Mapping[str, NDArray[np.floating]],
    *,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> FloatArray:
    """Upper triangle of every layer's RDM; see `heschl.rsa.rdm`.

    Parameters
    ----------
    features : mapping of str to ndarray, shape (n_sounds, n_features)
    n_jobs : int, optional
        Threads; never changes the numbers.
    show_progress : bool, optional

    Returns
    -------
    ndarray, shape (n_layers, n_pairs)

    Raises
    ------
    InputError
        If a layer has fewer than two features or holds nan or infinity, or layers differ in
        n_sounds.
    """
    if not features:
        raise InputError("no features were given; expected at least one layer")
    lengths = {name: len(x) for name, x in features.items()}
    first = next(iter(lengths))
    for name, n_sounds in lengths.items():
        if n_sounds != lengths[first]:
            raise InputError(
                f"layer {name!r} has {n_sounds} rows, layer {first!r} {lengths[first]}; expected "
                "one row for each sound"
            )

    def one_layer(name: str) -> tuple[str, FloatArray]:
        try:
            return name, upper_triangle(rdm(features[name]))
        except InputError as error:
            raise InputError(f"layer {name!r}: {error}") from error

    out: dict[str, FloatArray] = {}
    with progress.bar("dissimilarities", len(features), "layers", show=show_progress) as advance:
        for name, entries in run_threads(one_layer, features, n_jobs=n_jobs):
            out[name] = entries
            advance(1)
    return np.stack([out[name] for name in features])
