"""The VQ-VAE of the ZeroSpeech 2020 challenge: convolutions on log-mel frames of English speech.

van Niekerk, Nortje & Kamper, Interspeech 2020 (arXiv 2005.09409), bshall/ZeroSpeech at 0ef25e4d.
Only the encoder before quantisation is used; codebook, jitter and decoder are not.
"""

from __future__ import annotations

from pathlib import Path

from heschl.errors import FetchError
from heschl.fetch import RemoteFile
from heschl.models.base import ModelSpec
from heschl.models.weights import Weights, kinds

CHECKPOINT = "model.ckpt-500000.pt"
RELEASE = "https://github.com/bshall/ZeroSpeech/releases/tag/v0.1"


def check_checkpoint(path: Path) -> None:
    """Refuse a file that is no checkpoint of torch: the page of the release, or an archive.

    Raises
    ------
    FetchError
        The address of the release is known, those of its files are not: what to do is said.
    """
    try:
        kinds.check_checkpoint(path)
    except FetchError as error:
        raise FetchError(
            f"{error}. The weights are released at {RELEASE}, but the address of the file itself "
            f"is not known to heschl: download the weights for English there, unpack {CHECKPOINT}, "
            "and give it with `heschl fetch zerospeech --from FILE`"
        ) from error


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
            files=(RemoteFile(RELEASE, Path(CHECKPOINT), None, check=check_checkpoint),),
            licence="not stated",
            by_hand=f"download the weights for English ({CHECKPOINT})",
        ),
    ),
)
