"""Voxel decomposition: response profiles whose weights over voxels are least Gaussian."""

from __future__ import annotations

from heschl.components.decomposition import Decomposition, decompose
from heschl.components.halves import split_reliability
from heschl.components.matching import Matching, match

__all__ = ["Decomposition", "Matching", "decompose", "match", "split_reliability"]
