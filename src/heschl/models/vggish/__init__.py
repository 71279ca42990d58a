"""VGGish: a VGG network on patches of a log-mel spectrogram, trained to tag YouTube's videos.

Hershey et al., ICASSP 2017 (arXiv 1609.09430), in the port harritaylor/torchvggish at f3f90969,
whose release v0.1 has the weights. Facts of layers and front end: that port.
"""

from __future__ import annotations

from pathlib import Path

from heschl.fetch import RemoteFile
from heschl.models.base import ModelSpec, Training
from heschl.models.weights import Weights

SPECS = (
    ModelSpec(
        name="vggish",
        family="vggish",
        summary="6 convolutions and 3 dense layers on log-mel patches of 0.96 s, from video tags",
        loader="heschl.models.vggish.model:load",
        licence="Apache-2.0 (code, and the repository that releases the weights)",
        citation="Hershey et al., ICASSP (2017), arXiv 1609.09430",
        aliases=("braindnn_vggish",),
        weights=Weights(
            files=(
                RemoteFile(
                    "https://github.com/harritaylor/torchvggish/releases/download/v0.1/"
                    "vggish-10086976.pth",
                    Path("vggish-10086976.pth"),
                    None,
                ),
            ),
            licence="Apache-2.0 (of the repository that releases them)",
        ),
        training=Training(
            "supervised",
            5_240_000,
            "YouTube-100M: 70 million videos",
            "Hershey et al. (2017), abstract (section 2: 5.4 million); Tuckute et al. (2023), "
            'Methods. The release says "a preliminary version of what later became YouTube-8M", '
            "whose hours are not stated",
        ),
    ),
)
