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
