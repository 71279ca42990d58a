"""DeepSpeech2: convolutions and recurrent layers that spell English speech, from LibriSpeech.

Amodei et al., ICML 2016 (arXiv 1512.02595), as SeanNaren/deepspeech.pytorch has it in V3.0. The
released checkpoint holds objects of its own configuration beside the tensors, so it is converted.
"""

from __future__ import annotations

from pathlib import Path

from heschl.fetch import RemoteFile
from heschl.models.base import ModelSpec, Training
from heschl.models.weights import Weights

CHECKPOINT = "librispeech_pretrained_v3.ckpt"

SPECS = (
    ModelSpec(
        name="deepspeech2",
        family="deepspeech2",
        summary="2 convolutions and 5 bidirectional LSTMs that recognise English speech",
        loader="heschl.models.deepspeech2.model:load",
        licence="MIT (code, and the repository that releases the weights)",
        citation="Amodei et al., ICML (2016), arXiv 1512.02595",
        aliases=("braindnn_deepspeech",),
        weights=Weights(
            files=(
                RemoteFile(
                    "https://github.com/SeanNaren/deepspeech.pytorch/releases/download/V3.0/"
                    f"{CHECKPOINT}",
                    Path(CHECKPOINT),
                    None,
                ),
            ),
            licence="MIT (of the repository that releases them)",
            convert=True,
            keep=("state_dict",),
        ),
        training=Training("supervised", 960, "LibriSpeech", "Tuckute et al. (2023), Methods"),
    ),
)
