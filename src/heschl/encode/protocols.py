"""The named analyses: frozen descriptions whose numbers must be reproduced exactly."""

from __future__ import annotations

from dataclasses import dataclass

from heschl.registry import Registry


@dataclass(frozen=True)
class NestedRidgeProtocol:
    """Ridge regression in nested cross-validation; the layer and penalty are chosen per target.

    Attributes
    ----------
    name : str
    version : int
        Raised whenever a number that the protocol gives could change.
    alphas : tuple of float
        Penalties on the squared norm of the weights, against the *sum* of squared errors; tried in
        this order, and the first of equals wins.
    bounds : tuple of float, float
        How far the edge rule may carry a penalty beyond the grid.
    summary : str
    citation : str
    """

    name: str
    version: int
    alphas: tuple[float, ...]
    bounds: tuple[float, float]
    summary: str
    citation: str


@dataclass(frozen=True)
class CorrectedRidgeProtocol:
    """Ridge regression on random halves of the sounds, corrected for noise; three repetitions.

    Attributes
    ----------
    name : str
    version : int
        Raised whenever a number that the protocol gives could change.
    n_splits, n_train, n_test, seed : int
        Random splits of the sounds, from numpy's legacy generator.
    alphas : tuple of float
        Penalties in this order; the first of equals wins.
    floor, predicted_floor : float
        Smallest reliability of responses and of predictions that is corrected for.
    summary : str
    citation : str
    """

    name: str
    version: int
    n_splits: int
    n_train: int
    n_test: int
    seed: int
    alphas: tuple[float, ...]
    floor: float
    predicted_floor: float
    summary: str
    citation: str


CORRECTED_PROTOCOLS: Registry[CorrectedRidgeProtocol] = Registry(
    "protocol",
    [
        CorrectedRidgeProtocol(
            name="tuckute2023",
            version=1,
            n_splits=10,
            n_train=83,
            n_test=82,
            seed=0,
            alphas=tuple(10.0**power for power in range(49, -51, -1)),
            floor=0.182,
            predicted_floor=0.183,
            summary=(
                "ridge regression on ten random halves of 165 sounds, squared correlation "
                "corrected for noise by three repetitions"
            ),
            citation=(
                "Tuckute, Feather, Boebinger & McDermott (2023). Many but not all deep neural "
                "network audio models capture brain responses and exhibit correspondence between "
                "model stages and brain regions. PLoS Biology 21(12), e3002366"
            ),
        )
    ],
)

PROTOCOLS: Registry[NestedRidgeProtocol] = Registry(
    "protocol",
    [
        NestedRidgeProtocol(
            name="pepino2025",
            version=1,
            alphas=(0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 50.0),
            bounds=(1e-49, 1e50),
            summary=(
                "nested ridge regression over all layers, five fixed folds, squared correlation "
                "of the out-of-fold predictions"
            ),
            citation=(
                "Pepino, Riera, Kamienkowski & Ferrer (2025). Better audio representations are "
                "more brain-like. arXiv:2511.16849"
            ),
        )
    ],
)
