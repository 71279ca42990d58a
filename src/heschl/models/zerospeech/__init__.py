"""The VQ-VAE of the ZeroSpeech 2020 challenge: convolutions on log-mel frames of English speech.

van Niekerk, Nortje & Kamper, Interspeech 2020 (arXiv 2005.09409), bshall/ZeroSpeech at 0ef25e4d.
Only the encoder before quantisation is used; codebook, jitter and decoder are not.
"""

from __future__ import annotations

from pathlib import Path

from heschl.fetch import RemoteFile
from heschl.models.base import ModelSpec, Training
from heschl.models.weights import Weights

CHECKPOINT = "model.ckpt-500000.pt"

#: The page; the address of the file is not known.
RELEASE = "https://github.com/bshall/ZeroSpeech/releases/tag/v0.1"

SPECS = (
    ModelSpec(
        name="zerospeech",
        family="zerospeech",
        summary="5 convolutions of a VQ-VAE that finds units of English speech without labels",
        loader="heschl.models.zerospeech.model:load",
        licence="not stated (code and weights: the repository has no licence file)",
        citation="van Niekerk, Nortje & Kamper, Interspeech (2020), arXiv 2005.09409",
        aliases=("braindnn_zerospeech",),
        weights=Weights(
            files=(RemoteFile(RELEASE, Path(CHECKPOINT), sha256=None),),
            licence="not stated",
            by_hand=f"download the weights for English ({CHECKPOINT})",
        ),
        training=Training(
            "self-supervised",
            20.33,
            "ZeroSpeech 2019 English, Train Unit and Train Voice",
            "Tuckute et al. (2023), Methods: 15 h 40 min and 4 h 40 min",
        ),
    ),
)
