"""Activations: every layer's response to every sound, averaged over time, kept on disk."""

from __future__ import annotations

from heschl.activations.extraction import Activations, describe, extract, reopen
from heschl.activations.memory import MemoryPlan, bytes_free, plan_memory

__all__ = [
    "Activations",
    "MemoryPlan",
    "bytes_free",
    "describe",
    "extract",
    "plan_memory",
    "reopen",
]
