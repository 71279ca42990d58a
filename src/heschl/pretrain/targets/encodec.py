"""EnCodec's codes: the targets of the published training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from heschl.models.network import weights_sha256
from heschl.pretrain import encodec
from heschl.pretrain.losses import CODEBOOK_WEIGHTS
from heschl.pretrain.targets.base import Targets


class EnCodecCodes(Targets):
    """Codes of the first codebooks of EnCodec.

    Parameters
    ----------
    model : transformers.EncodecModel
    n_codebooks : int, optional
        8, with the published weights, or another number that EnCodec has a bandwidth for, which
        then weigh the same.

    Raises
    ------
    InputError
        If EnCodec has no such number.
    """

    def __init__(self, model: Any, n_codebooks: int = len(CODEBOOK_WEIGHTS)) -> None:
        super().__init__()
        encodec.check_codebooks(model, n_codebooks)
        self.model = model
        self.n_codebooks, self.n_codes = n_codebooks, encodec.CODES
        published = n_codebooks == len(CODEBOOK_WEIGHTS)
        self.weights = CODEBOOK_WEIGHTS if published else (1 / n_codebooks,) * n_codebooks

    def forward(self, waveforms: Tensor) -> Tensor:  # noqa: D102
        return encodec.codes(self.model, waveforms, self.n_codebooks)

    def source(self) -> str:  # noqa: D102
        return weights_sha256(self.model)

    def fitted(self) -> Mapping[str, Tensor]:  # noqa: D102
        return {}
