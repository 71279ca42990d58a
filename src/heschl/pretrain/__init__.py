"""Pretraining EnCodecMAE, and how brain-like it becomes while it is trained.

Pepino, Riera & Ferrer, arXiv 2309.07391 (2023); Pepino et al., arXiv 2511.16849 (2025). A `recipe`
says what is trained, on what and how; `making` makes it, `stepping` does a step, `running` all of
them, `checkpoints` are what is left.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heschl.pretrain.recipe import Recipe, RecipeFile, read_recipe
    from heschl.pretrain.running import Pretrained, pretrain

_PLACES = {
    "Pretrained": "running",
    "Recipe": "recipe",
    "RecipeFile": "recipe",
    "pretrain": "running",
    "read_recipe": "recipe",
}

__all__ = ["Pretrained", "Recipe", "RecipeFile", "pretrain", "read_recipe"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"heschl.pretrain.{_PLACES[name]}"), name)
