"""The encoder of the VQ-VAE, its submodules named as in the checkpoint."""

from __future__ import annotations

from torch import Tensor, nn

from heschl.models.zerospeech.frontend import N_MELS

CHANNELS = 768
N_CODE = 64

#: Kernel, stride and padding of the five convolutions, in frames.
CONVOLUTIONS = ((3, 1, 0), (3, 1, 1), (4, 2, 1), (3, 1, 1), (3, 1, 1))


class Network(nn.Module):
    """Five convolutions with batch normalisation, and the projection that would be quantised.

    Parameters
    ----------
    channels, n_code : int
        Of the convolutions and the projection.
    """

    def __init__(self, channels: int = CHANNELS, n_code: int = N_CODE) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        before = N_MELS
        for kernel, stride, padding in CONVOLUTIONS:
            stages += [
                nn.Conv1d(before, channels, kernel, stride, padding, bias=False),
                nn.BatchNorm1d(channels),
                nn.ReLU(),
            ]
            before = channels
        self.encoder = nn.Sequential(*stages, nn.Conv1d(channels, n_code, 1))

    def forward(self, log_mel: Tensor) -> Tensor:
        """Map (n_sounds, 80, n_frames) to (n_sounds, n_code, about half as many frames)."""
        out: Tensor = self.encoder(log_mel)
        return out
