"""Mel frames quantised by random projections: targets that need no other model.

BEST-RQ (Chiu et al., arXiv 2202.01855, 2022): a frame's mel bands, brought to mean 0 and variance 1
over the training data, go through a random projection that is never trained; the code is the
number of the nearest of random vectors, both on the unit sphere. They are no codes of EnCodec, and
what is trained on them is not the published model.

Nor is it BEST-RQ to the letter. There a code is that of four frames of 80 bands, 10 ms apart, since
the network under training makes one frame of four. Here the network keeps the frames that it is
given, so each has a code of its own: of the 256 bands, over 26.56 ms, of EnCodecMAE's mel
spectrogram, 13.28 ms apart. And several codebooks may be drawn, as for EnCodec's; there is one in
the paper. As there: Xavier-uniform projections, normally distributed codebooks of 8192 vectors of
16 dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from heschl.errors import InputError
from heschl.models.encodecmae.frontends import Mel
from heschl.pretrain.targets.base import Targets

N_CODES, CODE_DIM = 8192, 16  # as published

#: Bands that vary less than this are constant: the lowest of 256 hold no bin of the spectrum.
_CONSTANT = 1e-6


class RandomProjection(Targets):
    """Codes of mel frames by random projections.

    Parameters
    ----------
    mean, std : Tensor, shape (n_mels,)
        Of the mel bands over the training data; a deviation of infinity leaves a band out.
    projections : Tensor, shape (n_codebooks, n_mels, code_dim)
    codebooks : Tensor, shape (n_codebooks, n_codes, code_dim)
        Of unit length.
    """

    mean: Tensor
    std: Tensor
    projections: Tensor
    codebooks: Tensor

    def __init__(self, mean: Tensor, std: Tensor, projections: Tensor, codebooks: Tensor) -> None:
        super().__init__()
        self.front_end = Mel()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("projections", projections)
        self.register_buffer("codebooks", codebooks)
        self.n_codebooks, self.n_codes = codebooks.shape[:2]
        self.weights = (1 / self.n_codebooks,) * self.n_codebooks

    @classmethod
    def draw(
        cls, batches: Iterable[Tensor], *, n_codebooks: int, n_codes: int, seed: int
    ) -> RandomProjection:
        """Draw projections and codebooks, and measure the mel bands of some sound.

        Parameters
        ----------
        batches : iterable of Tensor, shape (n_clips, n_samples)
            Waveforms at 24 kHz, without padding.
        n_codebooks, n_codes, seed : int
            What is drawn depends on these alone.

        Raises
        ------
        InputError
            If no band varies in the sound: it is silence, or there is none.
        """
        mean, std = _moments(batches)
        generator = torch.Generator().manual_seed(seed)
        projections = torch.empty(n_codebooks, len(mean), CODE_DIM)
        for one in projections:
            nn.init.xavier_uniform_(one, generator=generator)
        codebooks = torch.randn(n_codebooks, n_codes, CODE_DIM, generator=generator)
        return cls(mean, std, projections, functional.normalize(codebooks, dim=-1))

    def forward(self, waveforms: Tensor) -> Tensor:  # noqa: D102
        frames = (self.front_end(waveforms) - self.mean) / self.std
        places = torch.einsum("ntm,cmd->nctd", frames, self.projections)
        # nearest on the sphere: the largest product with a vector of unit length
        return (places @ self.codebooks.transpose(1, 2)).argmax(-1)

    def source(self) -> str:  # noqa: D102
        return ""

    def fitted(self) -> Mapping[str, Tensor]:  # noqa: D102
        return dict(self.named_buffers())


def _moments(batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of mel bands over all frames, each (n_mels,)."""
    front_end = Mel()
    n, total = 0, torch.zeros(front_end.n_mels, dtype=torch.float64)
    squares = total.clone()
    for waveforms in batches:
        frames = front_end(waveforms).double().flatten(0, 1)
        n += len(frames)
        total += frames.sum(0)
        squares += frames.square().sum(0)
    mean = total / max(n, 1)
    std = (squares / max(n, 1) - mean.square()).clamp_min(0).sqrt()
    varies = std >= _CONSTANT
    if not varies.any():
        raise InputError(
            f"no mel band varies over {n} frames of the training data; expected sound: without it "
            "all codes are the same"
        )
    return mean.float(), torch.where(varies, std, torch.inf).float()
