"""BEATs: self-supervised transformers on patches of a log-mel spectrogram, in four versions.

Chen, Wu, Wang, Liu, Tompkins, Chen, Che, Yu & Wei, "BEATs: Audio Pre-Training with Acoustic
Tokenizers", ICML 2023 (arXiv:2212.09058). The official links are pages for a browser; the files are
taken from the mirror of an author of Pepino et al. (2025), sizes and hashes being those of the
official ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heschl.fetch import RemoteFile
from heschl.models.base import ModelSpec, Training
from heschl.models.weights import Weights

_MIRROR = "https://huggingface.co/lpepino/beats_ckpts/resolve/"
_REVISION = "5b53b0404df452a3a607d7e67687227730e5bad1"
_SIZE, _SIZE_FT = 361_499_833, 363_145_291  # bytes
_HOURS, _SOURCE = (
    5_800,
    "Chen et al. (2023), abstract: AudioSet-2M and nothing else; hours as on "
    "research.google.com/audioset (videos that were gone by then are not taken off)",
)


def _spec(name: str, alias: str, summary: str, size: int, sha256: str, **options: Any) -> ModelSpec:
    file = f"{alias}.pt"
    return ModelSpec(
        name=name,
        family="BEATs",
        summary=summary,
        loader="heschl.models.beats.model:load",
        licence="MIT (code and weights)",
        citation="Chen et al., ICML 2023, arXiv:2212.09058",
        aliases=(alias,),
        weights=Weights(
            files=(RemoteFile(f"{_MIRROR}{_REVISION}/{file}", Path(file), sha256, size),),
            licence="MIT",
        ),
        options=options,
        training=(
            Training("supervised", _HOURS, "AudioSet, then with its labels", _SOURCE)
            if options
            else Training("self-supervised", _HOURS, "AudioSet", _SOURCE)
        ),
    )


SPECS = (
    _spec(
        "beats-iter1",
        "BEATs_iter1",
        "12 blocks, 90 M parameters, trained with a random tokenizer (first iteration)",
        _SIZE,
        "b5f4cc10bcbff63a437c695f33389e6411513b3f7d5cdae8fb62b5005f4a1fcd",
    ),
    _spec(
        "beats-iter2",
        "BEATs_iter2",
        "12 blocks, 90 M parameters, trained with a tokenizer that learned from iter1",
        _SIZE,
        "81a23e00aa4878d7e8627ded87ea697fb347c8ceffed21223e0398ed0fa34ad8",
    ),
    _spec(
        "beats-iter3",
        "BEATs_iter3",
        "12 blocks, 90 M parameters, trained with a tokenizer that learned from iter2",
        _SIZE,
        "8d1b234032a9ccff353612dc6c20982346dc2968b205b79d97303eb5e77bfb34",
    ),
    _spec(
        "beats-iter3-ft",
        "BEATs_iter3_finetuned_on_AS2M_cpt1",
        "beats-iter3, then trained to recognise the 527 classes of AudioSet",
        _SIZE_FT,
        "379369a41d0b3749f746cdcea8036de506cb3aedecce84de7db0a75fda2a4fe7",
        finetuned_model=True,
    ),
)
