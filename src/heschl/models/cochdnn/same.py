"""Convolution and pooling that pad as TensorFlow's "same": what is odd goes behind."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


def same_padding(sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int]) -> list[int]:
    """Return how much to pad, as `torch.nn.functional.pad` takes it: last axis first.

    An axis of ``size`` gives ``ceil(size / stride)`` values. Half of what this takes, rounded down,
    is put before it and the rest after it.

    Parameters
    ----------
    sizes, kernel, stride : sequence of int
        Of the last axes.
    """
    out: list[int] = []
    for size, length, step in zip(sizes, kernel, stride, strict=True):
        missing = max((-(-size // step) - 1) * step + length - size, 0)
        out = [missing // 2, missing - missing // 2, *out]
    return out


class SameConv(nn.Conv2d):
    """A convolution without a bias, zeros around its input.

    Parameters
    ----------
    n_in, n_out : int
    kernel, stride : tuple of int
        Over frequency and time.
    """

    def __init__(
        self, n_in: int, n_out: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__(n_in, n_out, kernel, stride, bias=False)
        self._kernel, self._stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_sounds, n_in, n_frequencies, n_frames) to (n_sounds, n_out, ..., ...)."""
        return super().forward(
            functional.pad(x, same_padding(x.shape[-2:], self._kernel, self._stride))
        )


class SameMaxPool(nn.Module):
    """The largest of each window; what is padded never is."""

    def __init__(self, kernel: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        self._kernel, self._stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_sounds, n_maps, n_frequencies, n_frames) to fewer frequencies and frames."""
        padding = same_padding(x.shape[-2:], self._kernel, self._stride)
        padded = functional.pad(x, padding, value=float("-inf"))
        return functional.max_pool2d(padded, self._kernel, self._stride)


class SameAvgPool(nn.Module):
    """The mean of each window, in which the zeros that are padded count."""

    def __init__(self, kernel: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        self._kernel, self._stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_sounds, n_maps, n_frequencies, n_frames) to fewer frequencies and frames."""
        padded = functional.pad(x, same_padding(x.shape[-2:], self._kernel, self._stride))
        return functional.avg_pool2d(padded, self._kernel, self._stride)
