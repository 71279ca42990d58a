"""Encoding models: predict responses from the layers of a model."""

from __future__ import annotations

from heschl.encode.nested import NestedRidge, nested_ridge
from heschl.encode.protocols import PROTOCOLS, NestedRidgeProtocol

__all__ = ["PROTOCOLS", "NestedRidge", "NestedRidgeProtocol", "nested_ridge"]
