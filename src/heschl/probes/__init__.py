"""Probes: how well a task can be told from the embeddings of a model. Arrays only.

torch and scikit-learn are imported where they are used: `heschl.probes.training` needs the one,
`heschl.probes.linear` the other.
"""

from __future__ import annotations

from heschl.probes.protocols import (
    PROTOCOLS,
    Configuration,
    LinearProbeProtocol,
    MlpProbeProtocol,
    ProbeProtocol,
    libraries,
)
from heschl.probes.reduction import Components, fit_components, n_components
from heschl.probes.rows import ArrayRows, Rows, blocks
from heschl.probes.scores import SCORES, score

__all__ = [
    "PROTOCOLS",
    "SCORES",
    "ArrayRows",
    "Components",
    "Configuration",
    "LinearProbeProtocol",
    "MlpProbeProtocol",
    "ProbeProtocol",
    "Rows",
    "blocks",
    "fit_components",
    "libraries",
    "n_components",
    "score",
]
