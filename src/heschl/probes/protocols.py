"""The named probes: frozen descriptions whose numbers must be reproduced exactly."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal

from heschl.registry import Registry

Initialization = Literal["xavier_uniform", "xavier_normal"]


@dataclass(frozen=True)
class Configuration:
    """One point of the grid of a `MlpProbeProtocol`.

    Attributes
    ----------
    hidden : tuple of int
        Width of each hidden layer.
    initialization : {"xavier_uniform", "xavier_normal"}
        How the weights are drawn (Glorot & Bengio, 2010).
    learning_rate : float
    """

    hidden: tuple[int, ...]
    initialization: Initialization
    learning_rate: float

    def row(self) -> dict[str, Any]:
        """Return it as a row of a table."""
        return {
            "hidden": " + ".join(map(str, self.hidden)),
            "initialization": self.initialization,
            "learning_rate": self.learning_rate,
        }


@dataclass(frozen=True)
class MlpProbeProtocol:
    """A learned mixture of the layers, then a multilayer perceptron; the grid is searched once.

    Attributes
    ----------
    name : str
    version : int
        Raised whenever a number that the protocol gives could change.
    hidden, initializations, learning_rates : tuple
        The grid, in this order of loops; the first of equals wins.
    dropout : float
        Probability that a hidden unit is left out of a step of training.
    batch_size, max_epochs, patience : int
        Clips a step, epochs at most, and epochs without a better validation score after which
        training ends.
    summary, citation : str
    """

    name: str
    version: int
    hidden: tuple[tuple[int, ...], ...]
    initializations: tuple[Initialization, ...]
    learning_rates: tuple[float, ...]
    dropout: float
    batch_size: int
    max_epochs: int
    patience: int
    summary: str
    citation: str

    def grid(self) -> tuple[Configuration, ...]:
        """Return all configurations; those of one depth are neighbours."""
        points = itertools.product(self.hidden, self.initializations, self.learning_rates)
        return tuple(Configuration(*point) for point in points)


@dataclass(frozen=True)
class LinearProbeProtocol:
    """Logistic regression on one layer; the layer and the penalty are chosen on validation.

    Attributes
    ----------
    name : str
    version : int
        Raised whenever a number that the protocol gives could change.
    strengths : tuple of float
        Inverse penalties, scikit-learn's ``C``, on standardised features; the first of equals wins.
    max_iterations : int
        Of the solver (L-BFGS).
    summary, citation : str
    """

    name: str
    version: int
    strengths: tuple[float, ...]
    max_iterations: int
    summary: str
    citation: str


ProbeProtocol = MlpProbeProtocol | LinearProbeProtocol

PROTOCOLS: Registry[ProbeProtocol] = Registry(
    "protocol",
    [
        MlpProbeProtocol(
            name="pepino2025",
            version=1,
            hidden=((1024,), (1024, 1024)),
            initializations=("xavier_uniform", "xavier_normal"),
            learning_rates=(3.2e-3, 1e-3, 3.2e-4, 1e-4),
            dropout=0.1,
            batch_size=1024,
            max_epochs=200,
            patience=20,
            summary=(
                "learned mixture of all layers, multilayer perceptron, 16 configurations, early "
                "stopping on validation"
            ),
            citation=(
                "Pepino, Riera, Kamienkowski & Ferrer (2025). Better audio representations are "
                "more brain-like. arXiv:2511.16849; after HEAR, Turian et al. (2022), "
                "arXiv:2203.03022"
            ),
        ),
        LinearProbeProtocol(
            name="linear",
            version=1,
            strengths=(0.01, 0.1, 1.0, 10.0),
            max_iterations=300,
            summary="logistic regression on the layer that is best on validation: a quick look",
            citation="Pedregosa et al. (2011). Scikit-learn. JMLR 12, 2825-2830",
        ),
    ],
)


def libraries(protocol: ProbeProtocol) -> dict[str, str]:
    """Return the versions of the libraries that a protocol's numbers depend on, as installed."""
    name = "torch" if isinstance(protocol, MlpProbeProtocol) else "scikit-learn"
    try:
        return {name: metadata.version(name)}
    except metadata.PackageNotFoundError:
        return {}
