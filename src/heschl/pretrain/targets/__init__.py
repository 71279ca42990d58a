"""What is predicted of every frame: codes of the same sound, by something that is not trained.

Three kinds: EnCodec's codes (`encodec`), clusters of a trained model's frames (`clusters`), and mel
frames that random projections quantise (`projection`). `making` makes those of a recipe; `keeping`
is what was fitted for them, in the folder of the run.
"""

from __future__ import annotations

from heschl.pretrain.targets.base import Targets

__all__ = ["Targets"]
