"""The table of models: one row each, gathered from the families."""

from __future__ import annotations

from heschl.models import (
    beats,
    cochdnn,
    dasheng,
    dcase2020,
    deepspeech2,
    encodecmae,
    handbuilt,
    huggingface,
    speechbrain,
    vggish,
    zerospeech,
)
from heschl.models.base import ModelSpec
from heschl.registry import Registry

FAMILIES = (
    handbuilt,
    encodecmae,
    beats,
    dasheng,
    cochdnn,
    huggingface,
    vggish,
    speechbrain,
    dcase2020,
    zerospeech,
    deepspeech2,
)

MODELS: Registry[ModelSpec] = Registry(
    "model", [spec for family in FAMILIES for spec in family.SPECS]
)
