"""The encoder of EnCodec at 24 kHz: convolutions and an LSTM, 128 numbers 75 times a second.

Défossez et al., arXiv 2210.13438 (2022); the convolutions are SEANet's. It is written here, and not
taken from transformers, because EnCodecMAE's files have the names and the weight norm of the
original (``weight_g``, ``weight_v``): so they match as they are, and nothing has to be imported for
six seconds. Everything is causal: padding goes before the signal, by reflection; after it only what
fills the last stride, so that n samples become ``ceil(n / 320)`` frames.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

N_FEATURES = 128
STRIDES = (2, 4, 5, 8)  # each convolution that shortens is twice as long as its stride
_WIDTH = 32  # channels of the first convolution; doubled at each stride


class _Convolution(nn.Module):
    """Weight-normalised convolution (one length for each output channel's kernel)."""

    def __init__(self, n_in: int, n_out: int, size: int) -> None:
        super().__init__()
        self.weight_g = nn.Parameter(torch.empty(n_out, 1, 1))
        self.weight_v = nn.Parameter(torch.empty(n_out, n_in, size))
        self.bias = nn.Parameter(torch.empty(n_out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights as transformers does for EnCodec; the lengths are those of the kernels.

        As torch draws convolutions, the signal dies out on the way: of 12 natural sounds the output
        differed by 1e-4 of its size, and the layers after it by what rounding does to them.
        """
        bound = 1 / math.sqrt(self.weight_v[0].numel())
        nn.init.kaiming_normal_(self.weight_v)
        nn.init.uniform_(self.bias, -bound, bound)
        with torch.no_grad():
            self.weight_g.copy_(self._lengths())

    def _lengths(self) -> Tensor:
        return torch.linalg.vector_norm(self.weight_v, dim=(1, 2), keepdim=True)

    def forward(self, x: Tensor, stride: int) -> Tensor:
        weight = self.weight_v * (self.weight_g / self._lengths())
        return functional.conv1d(x, weight, self.bias, stride=stride)


class _Normed(nn.Module):
    """Holds a convolution under the name that it has in the files."""

    def __init__(self, n_in: int, n_out: int, size: int) -> None:
        super().__init__()
        self.conv = _Convolution(n_in, n_out, size)


class Causal(nn.Module):
    """Causal convolution of (n, n_in, length) to (n, n_out, ceil(length / stride))."""

    def __init__(self, n_in: int, n_out: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = _Normed(n_in, n_out, size)
        self.size, self.stride = size, stride

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 (said above)
        before, after = self.size - self.stride, -x.shape[-1] % self.stride
        return self.conv.conv(reflect(x, before, after), self.stride)


def reflect(x: Tensor, before: int, after: int) -> Tensor:
    """Extend (n, n_channels, length) by reflection, without repeating the ends.

    A signal that is too short to be reflected is extended with zeros for it, which are then
    removed again.
    """
    short = max(0, max(before, after) + 1 - x.shape[-1])
    padded = functional.pad(functional.pad(x, (0, short)), (before, after), mode="reflect")
    return padded[..., : padded.shape[-1] - short]


class _Residual(nn.Module):
    """Two convolutions of half the width, beside one of length 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.block = nn.Sequential(
            nn.ELU(), Causal(width, half, 3), nn.ELU(), Causal(half, width, 1)
        )
        self.shortcut = Causal(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.block(x)


class _Recurrent(nn.Module):
    """Two layers of LSTM over time, added to their input (n, width, length)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, width, num_layers=2)

    def forward(self, x: Tensor) -> Tensor:
        over_time = x.permute(2, 0, 1)
        out, _ = self.lstm(over_time)
        return (out + over_time).permute(1, 2, 0)


class _Stack(nn.Module):
    """The layers, under the name that they have in the files."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [Causal(1, width, 7)]
        for stride in STRIDES:
            layers += [_Residual(width), nn.ELU(), Causal(width, 2 * width, 2 * stride, stride)]
            width *= 2
        layers += [_Recurrent(width), nn.ELU(), Causal(width, N_FEATURES, 7)]
        self.model = nn.Sequential(*layers)


class SEANetEncoder(nn.Module):
    """Waveforms (n_sounds, n_samples) to (n_sounds, ceil(n_samples / 320), 128).

    Parameters
    ----------
    scale : float
        By which the output is multiplied.
    width : int
        Channels of the first convolution: 32 in EnCodec.
    """

    def __init__(self, scale: float = 1.0, width: int = _WIDTH) -> None:
        super().__init__()
        self.model = _Stack(width)
        self.scale = scale

    def forward(self, waveforms: Tensor) -> Tensor:  # noqa: D102 (said above)
        return self.model.model(waveforms[:, None]).transpose(1, 2) * self.scale
