"""Dasheng: masked autoencoders of log-mel spectrograms, in three sizes and fine-tuned.

Dinkel, Yan, Wang, Zhang, Wang & Wang, "Scaling up masked audio encoder learning for general audio
classification", Interspeech 2024 (arXiv:2406.06992). Constants from the package ``dasheng`` 0.0.8,
which Pepino et al. (2025) used, and 0.0.9, whose networks are the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heschl.fetch import RemoteFile
from heschl.models.base import ModelSpec, Training
from heschl.models.weights import Weights

_HOURS = 272_356
_DATA = "mainly ACAV100M, AudioSet, VGGSound and MTG-Jamendo"
_SOURCE = "Dinkel et al. (2024), abstract; sets: README of XiaoMi/dasheng"


def _spec(name: str, alias: str, summary: str, record: str, file: str, **options: Any) -> ModelSpec:
    url = f"https://zenodo.org/records/{record}/files/{file}?download=1"
    return ModelSpec(
        name=name,
        family="Dasheng",
        summary=summary,
        loader="heschl.models.dasheng.model:load",
        licence="Apache-2.0 (code); weights not stated",
        citation="Dinkel et al., Interspeech 2024, arXiv:2406.06992",
        aliases=(alias,),
        weights=Weights(
            files=(RemoteFile(url, Path(file), sha256=None, size=None),), licence="not stated"
        ),
        options=options,
        training=(
            Training("supervised", _HOURS, f"{_DATA}, then AudioSet with its labels", _SOURCE)
            if "flat" in options
            else Training("self-supervised", _HOURS, _DATA, _SOURCE)
        ),
    )


SPECS = (
    _spec(
        "dasheng-base",
        "dasheng_base",
        "12 blocks, 85 M parameters, 272,000 hours of sound",
        "11511780",
        "dasheng_base.pt",
        embed_dim=768,
        depth=12,
        num_heads=12,
    ),
    _spec(
        "dasheng-06b",
        "dasheng_06B",
        "32 blocks, 630 M parameters, 272,000 hours of sound",
        "11511780",
        "dasheng_06b.pt",
        embed_dim=1280,
        depth=32,
        num_heads=16,
        layer_step=3,
    ),
    _spec(
        "dasheng-12b",
        "dasheng_12B",
        "40 blocks, 1.13 G parameters, 272,000 hours of sound",
        "11511780",
        "dasheng_12b.pt",
        embed_dim=1536,
        depth=40,
        num_heads=24,
        layer_step=4,
    ),
    _spec(
        "dasheng-base-ft",
        "dasheng_base_ft-as",
        "dasheng-base, then trained to recognise the 527 classes of AudioSet",
        "13315686",
        "dasheng_audioset_mAP497.pt",
        embed_dim=768,
        depth=12,
        num_heads=12,
        flat=True,
    ),
)
