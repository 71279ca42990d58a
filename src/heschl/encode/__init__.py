"""Encoding models: predict responses from the layers of a model."""

from __future__ import annotations

from heschl.encode.ceilings import Reliability, ceiling_r, ceiling_r2, reliability, spearman_brown
from heschl.encode.corrected import CorrectedRidge, corrected_ridge
from heschl.encode.depth import (
    DepthByRegion,
    RegionComparison,
    compare_regions,
    depth_by_region,
    relative_depth,
)
from heschl.encode.layer_choice import LayerChoice, choose_layer
from heschl.encode.nested import NestedRidge, nested_ridge
from heschl.encode.permutation import permutation_null
from heschl.encode.profiles import layer_profiles
from heschl.encode.protocols import (
    CORRECTED_PROTOCOLS,
    PROTOCOLS,
    CorrectedRidgeProtocol,
    NestedRidgeProtocol,
)
from heschl.encode.split_half import split_half_reliability

__all__ = [
    "CORRECTED_PROTOCOLS",
    "PROTOCOLS",
    "CorrectedRidge",
    "CorrectedRidgeProtocol",
    "DepthByRegion",
    "LayerChoice",
    "NestedRidge",
    "NestedRidgeProtocol",
    "RegionComparison",
    "Reliability",
    "ceiling_r",
    "ceiling_r2",
    "choose_layer",
    "compare_regions",
    "corrected_ridge",
    "depth_by_region",
    "layer_profiles",
    "nested_ridge",
    "permutation_null",
    "relative_depth",
    "reliability",
    "spearman_brown",
    "split_half_reliability",
]
