"""EnCodecMAE: masked autoencoders of sound that predict EnCodec's tokens.

Pepino, Riera & Ferrer, arXiv 2309.07391 (2023). Ten models: three sizes, three kinds of training
data, three front ends, and two that were trained further on clusters of their own layers. Here are
their rows in the table; `gin` reads the text of a checkpoint's configuration, `configuration` makes
settings of it, `frontends`, `seanet` and `network` are the parts, `model` puts them together.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from heschl.fetch import RemoteFile
from heschl.models.base import ModelSpec, Training
from heschl.models.weights import Weights

_FOLDER = "https://huggingface.co/lpepino/encodecmae-pretrained/resolve/main/upstreams"
_LICENCE = "BSD-3-Clause (heschl's own code); weights: not stated, a card of earlier ones says MIT"
_CITATION = "Pepino, Riera & Ferrer, EnCodecMAE, arXiv 2309.07391 (2023)"
_SOURCE = (
    "about 4,500 + 800 + 6,000 hours, as stated in arXiv 2309.07391 (read in a summary of it, not "
    "re-checked); sets: scripts/run_pretraining.sh of habla-liaa/encodecmae"
)

_AUDIOSET = Training("self-supervised", 4_500, "AudioSet", _SOURCE)
_FMA = Training("self-supervised", 800, "FMA-large", _SOURCE)
_LIBRI = Training("self-supervised", 6_000, "Libri-Light medium", _SOURCE)
_MIXTURE = Training("self-supervised", 11_300, "AudioSet, FMA-large, Libri-Light medium", _SOURCE)

#: Width and number of layers as trained; all have 12 heads.
_SMALL, _BASE, _LARGE = (768, 5), (768, 10), (1024, 20)


def _spec(
    name: str,
    published: str,
    size: tuple[int, int],
    summary: str,
    front_end: str = "mel",
    training: Training = _MIXTURE,
) -> ModelSpec:
    """One row; of the large networks every second layer and the last are taken by default."""
    dim, depth = size
    file = RemoteFile(f"{_FOLDER}/{published}.pt", Path(f"{published}.pt"), sha256=None)
    return ModelSpec(
        name=name,
        family="encodecmae",
        summary=summary,
        loader="heschl.models.encodecmae.model:load",
        licence=_LICENCE,
        citation=_CITATION,
        aliases=(published,),
        weights=Weights(files=(file,), licence="not stated"),
        options={
            "published": published,
            "front_end": front_end,
            "dim": dim,
            "depth": depth,
            "every": 2 if size == _LARGE else 1,
        },
        training=training,
    )


SPECS = (
    _spec("encodecmae-small", "mel256-ec-small", _SMALL, "EnCodecMAE, 5 layers"),
    _spec("encodecmae-base", "mel256-ec-base", _BASE, "EnCodecMAE, 10 layers"),
    _spec("encodecmae-large", "mel256-ec-large", _LARGE, "EnCodecMAE, 20 wider layers"),
    _spec(
        "encodecmae-base-as",
        "mel256-ec-base-as",
        _BASE,
        "EnCodecMAE, 10 layers, trained on AudioSet alone",
        training=_AUDIOSET,
    ),
    _spec(
        "encodecmae-base-fma",
        "mel256-ec-base-fma",
        _BASE,
        "EnCodecMAE, 10 layers, trained on music (FMA) alone",
        training=_FMA,
    ),
    _spec(
        "encodecmae-base-ll",
        "mel256-ec-base-ll",
        _BASE,
        "EnCodecMAE, 10 layers, trained on speech (Libri-Light) alone",
        training=_LIBRI,
    ),
    _spec(
        "encodecmae-base-st",
        "mel256-ec-base_st-nopn",
        _BASE,
        "EnCodecMAE, 10 layers, second stage: clusters of its own last layer as targets",
    ),
    _spec(
        "encodecmae-large-st",
        "mel256-ec-large_st-nopn",
        _LARGE,
        "EnCodecMAE, 20 wider layers, further stage: clusters of encodecmae-base-st as targets",
    ),
    _spec(
        "encodecmae-ec-base",
        "ec-ec-base",
        _BASE,
        "EnCodecMAE, 10 layers on EnCodec's own encoder instead of a mel spectrogram",
        front_end="encodec",
        training=replace(
            _MIXTURE, data=f"{_MIXTURE.data}; EnCodec's encoder: its own, not counted"
        ),
    ),
    _spec(
        "encodecmae-spec-base",
        "spec-ec-base",
        _BASE,
        "EnCodecMAE, 10 layers on a power spectrogram, whose settings only the checkpoint has "
        "(with fresh weights: frames as of the mel spectrogram, 513 bins)",
        front_end="spectrogram",
    ),
)

__all__ = ["SPECS"]
