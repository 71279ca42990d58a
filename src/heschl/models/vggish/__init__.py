"""VGGish: a VGG network on patches of a log-mel spectrogram, trained to tag YouTube's videos.

Hershey et al., ICASSP 2017 (arXiv 1609.09430), in the port harritaylor/torchvggish at f3f90969,
whose release v0.1 has the weights. Facts of layers and front end: that port.
"""

from __future__ import annotations

from pathlib import Path

from heschl.fetch import RemoteFile
from heschl.models.base import ModelSpec
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
    ),
)
