"""SepFormer's mask network: attention inside chunks of frames, then across chunks, twice.

The grid of a sound is (n_chunks, chunk, width): channels come last here, where a convolution of
kernel 1 is a matrix product. Names of parameters are those of SpeechBrain's checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from heschl.models.speechbrain.transformer import Transformer

GROUP_NORM_EPS = 1e-8


@dataclass(frozen=True)
class Sizes:
    """What SepFormer is made of; the published one by default (hyperparameters of WHAMR!).

    Attributes
    ----------
    width : int
        Channels, everywhere.
    kernel, stride : int
        Of the encoder's convolution, in samples.
    chunk : int
        Frames of a chunk; chunks overlap by half.
    n_blocks, n_layers, n_heads, hidden : int
        Each block has a transformer inside chunks and one across.
    n_positions : int
        Rows of the table of positional encodings.
    n_talkers : int
        Masks.
    """

    width: int = 256
    kernel: int = 16
    stride: int = 8
    chunk: int = 250
    n_blocks: int = 2
    n_layers: int = 8
    n_heads: int = 8
    hidden: int = 1024
    n_positions: int = 2500
    n_talkers: int = 2

    def longest(self) -> int:
        """Return the samples of the longest sound that the positional encodings suffice for."""
        n_frames = self.n_positions // 2 * self.chunk - self.chunk // 2 - 1
        return (n_frames - 1) * self.stride + self.kernel


class WholeNorm(nn.Module):
    """Group norm with one group: over all positions and channels of a sound together.

    Parameters
    ----------
    width : int
        Channels, each with its weight and bias.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.eps = GROUP_NORM_EPS
        group = nn.GroupNorm(1, width)  # for how it draws its parameters
        self.weight, self.bias = group.weight, group.bias

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (n_sounds, ..., width)."""
        flat = functional.layer_norm(x, x.shape[1:], eps=self.eps)
        return flat * self.weight + self.bias


class Pointwise1d(nn.Conv1d):
    """A convolution of kernel 1 over (n_sounds, ..., channels)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (named so by torch)
        """Mix the channels of every position."""
        return functional.linear(input, self.weight.flatten(1), self.bias)


class Pointwise2d(nn.Conv2d):
    """A convolution of kernel 1 x 1 over (n_sounds, ..., channels)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (named so by torch)
        """Mix the channels of every position."""
        return functional.linear(input, self.weight.flatten(1), self.bias)


class DualBlock(nn.Module):
    """One transformer inside every chunk, then one across chunks, each normed and added.

    Parameters
    ----------
    sizes : Sizes
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        shape = (sizes.width, sizes.n_heads, sizes.hidden, sizes.n_layers, sizes.n_positions)
        self.intra_mdl = Transformer(*shape)
        self.inter_mdl = Transformer(*shape)
        self.intra_norm = WholeNorm(sizes.width)
        self.inter_norm = WholeNorm(sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_sounds, n_chunks, chunk, width) to the same shape."""
        intra: Tensor = self.intra_norm(self.intra_mdl(x)) + x
        across = self.inter_mdl(intra.transpose(1, 2).contiguous())
        inter: Tensor = self.inter_norm(across.transpose(1, 2).contiguous()) + intra
        return inter


class MaskNet(nn.Module):
    """From encoded frames to one mask for each talker.

    Parameters
    ----------
    sizes : Sizes
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        self.chunk, self.n_talkers = sizes.chunk, sizes.n_talkers
        self.norm = WholeNorm(width)
        self.conv1d = Pointwise1d(width, width, 1, bias=False)
        self.dual_mdl = nn.ModuleList(DualBlock(sizes) for _ in range(sizes.n_blocks))
        self.prelu = nn.PReLU()
        self.conv2d = Pointwise2d(width, width * sizes.n_talkers, 1)
        self.output = nn.Sequential(Pointwise1d(width, width, 1), nn.Tanh())
        self.output_gate = nn.Sequential(Pointwise1d(width, width, 1), nn.Sigmoid())
        self.end_conv1x1 = Pointwise1d(width, width, 1, bias=False)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_sounds, n_frames, width) to (n_sounds, n_frames, n_talkers, width)."""
        n_frames = x.shape[1]
        grid = chunks(self.conv1d(self.norm(x)), self.chunk)
        for block in self.dual_mdl:
            grid = block(grid)
        added = overlap_add(self.conv2d(self.prelu(grid)), n_frames)
        talkers = added.view(*added.shape[:2], self.n_talkers, -1)
        gated = self.output(talkers) * self.output_gate(talkers)
        masks: Tensor = self.activation(self.end_conv1x1(gated))
        return masks


def _gap(n_frames: int, chunk: int) -> int:
    """Zeros after the last frame, 1 to ``chunk``, before half a chunk more on either side."""
    return chunk - (chunk // 2 + n_frames) % chunk


def chunks(x: Tensor, chunk: int) -> Tensor:
    """Cut frames into chunks that overlap by half.

    Parameters
    ----------
    x : Tensor, shape (n_sounds, n_frames, width)
        Extended with zeros: half a chunk before; after, what is missing to a whole number of
        chunks (a whole one if nothing is) and half a chunk.
    chunk : int
        Even.

    Returns
    -------
    Tensor, shape (n_sounds, n_chunks, chunk, width)
        An even number of chunks, by where they begin.
    """
    half = chunk // 2
    padded = functional.pad(x, (0, 0, half, _gap(x.shape[1], chunk) + half))
    return padded.unfold(1, chunk, half).transpose(2, 3).contiguous()


def overlap_add(grid: Tensor, n_frames: int) -> Tensor:
    """Put chunks back where `chunks` took them from, and add where two overlap.

    Parameters
    ----------
    grid : Tensor, shape (n_sounds, n_chunks, chunk, width)
    n_frames : int
        Of the sound that was cut.

    Returns
    -------
    Tensor, shape (n_sounds, n_frames, width)
        Every frame is in two chunks: the sum of both.
    """
    half = grid.shape[2] // 2
    even, odd = grid[:, 0::2].flatten(1, 2), grid[:, 1::2].flatten(1, 2)
    return even[:, half : half + n_frames] + odd[:, :n_frames]
