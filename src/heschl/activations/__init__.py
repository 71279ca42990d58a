"""Activations: every layer's response to every sound, averaged over time, kept on disk."""

from __future__ import annotations

from heschl.activations.extraction import Activations, describe, extract
from heschl.activations.memory import MemoryPlan, plan_memory

__all__ = ["Activations", "MemoryPlan", "describe", "extract", "plan_memory"]
