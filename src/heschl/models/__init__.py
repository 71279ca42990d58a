"""Models: waveforms in, activations of named layers out."""

from __future__ import annotations

from heschl.models.base import AudioModel, ModelSpec, Training
from heschl.models.facts import Facts, facts
from heschl.models.loading import check_reference, load_model, outline
from heschl.models.table import MODELS
from heschl.models.user import wrap

__all__ = [
    "MODELS",
    "AudioModel",
    "Facts",
    "ModelSpec",
    "Training",
    "check_reference",
    "facts",
    "load_model",
    "outline",
    "wrap",
]
