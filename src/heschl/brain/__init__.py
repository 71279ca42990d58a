"""Brain datasets: sounds, and the responses of listeners to them."""

from __future__ import annotations

from heschl.brain.dataset import BrainDataset, DatasetSpec

__all__ = ["BrainDataset", "DatasetSpec"]
