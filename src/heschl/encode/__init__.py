"""Encoding models: predict responses from the layers of a model."""

from __future__ import annotations

from heschl.encode.ceilings import Reliability, ceiling_r, ceiling_r2, reliability, spearman_brown
from heschl.encode.corrected import CorrectedRidge, corrected_ridge
from heschl.encode.layer_choice import LayerChoice, choose_layer
from heschl.encode.nested import NestedRidge, nested_ridge
from heschl.encode.protocols import (
    CORRECTED_PROTOCOLS,
    PROTOCOLS,
    CorrectedRidgeProtocol,
    NestedRidgeProtocol,
)

__all__ = [
    "CORRECTED_PROTOCOLS",
    "PROTOCOLS",
    "CorrectedRidge",
    "CorrectedRidgeProtocol",
    "LayerChoice",
    "NestedRidge",
    "NestedRidgeProtocol",
    "Reliability",
    "ceiling_r",
    "ceiling_r2",
    "choose_layer",
    "corrected_ridge",
    "nested_ridge",
    "reliability",
    "spearman_brown",
]
