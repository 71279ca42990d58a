"""Where the weights of a model are on this machine, and what is published of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heschl import store
from heschl.errors import UsageError
from heschl.models.weights.weights import Weights

if TYPE_CHECKING:
    from heschl.models.base import ModelSpec


def folder(spec: ModelSpec) -> Path:
    """Return where the weights of a model are, or would be, on this machine."""
    return store.home() / "models" / spec.name


def pins() -> Path:
    """Return where hashes pinned on first use are kept."""
    return store.home() / "pins.txt"


def published(spec: ModelSpec) -> Weights:
    """Return what is published of a model.

    Raises
    ------
    UsageError
        If it has no weights.
    """
    if spec.weights is None:
        raise UsageError(f"{spec.name} has no weights: nothing of it is learned")
    return spec.weights
