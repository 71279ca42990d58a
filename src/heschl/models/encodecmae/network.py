"""The network of EnCodecMAE up to what its decoder would take.

Written from the description in arXiv 2309.07391 and the names, shapes and constants of
habla-liaa/encodecmae at 2dd6759, which has no licence: none of its code is here. Three things are
unusual:

- Two residual streams (ResiDual, Xie et al., arXiv 2304.14802): one is normalised after every sum,
  the other never; they meet after the last layer.
- All layers share one feed-forward network: files list it once for each.
- Heads are interleaved: feature ``d * n_heads + h`` of a projection is the d-th of head h.

Masking, the decoder and the targets of the training are in `heschl.pretrain`. There is no padding
to be masked here: all clips of a batch are equally long. (The published code masks, where a clip is
shorter than a chunk, frames from ``n_samples // 320`` on as keys; at 2 s, as at any whole number of
seconds, there are none.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

Streams = tuple[Tensor, Tensor]

_LONGEST_PERIOD = 10_000.0  # of the position encoding, over 2 pi, in frames


class WavEncoder(nn.Module):
    """The features that a front end gives, and their projection to the width of the layers.

    Parameters
    ----------
    encoder : torch.nn.Module
        Identity for spectrograms; EnCodec's encoder for waveforms.
    n_features, dim : int
    """

    def __init__(self, encoder: nn.Module, n_features: int, dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.post_net = nn.Linear(n_features, dim)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 (said above)
        return self.post_net(self.encoder(x))


class PositionalEncoder(nn.Module):
    """Adds sines (even features) and cosines (odd ones) of the frame's number, times one factor.

    They are computed in single precision at least: bfloat16 cannot count beyond 256.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 (said above)
        n_frames, dim = x.shape[1:]
        dtype = torch.promote_types(x.dtype, torch.float32)
        frame = torch.arange(n_frames, device=x.device, dtype=dtype)[:, None]
        feature = torch.arange(0, dim, 2, device=x.device, dtype=dtype)
        angle = frame * torch.exp(feature * (-math.log(_LONGEST_PERIOD) / dim))
        waves = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :dim]
        return x + self.scale * waves


class Masker(nn.Module):
    """Holds the position encoding under the name that it has in the files; masks nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.positional_encoder = PositionalEncoder()

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 (said above)
        return self.positional_encoder(x)


class Attention(nn.Module):
    """Self-attention without biases, heads interleaved, over (n_sounds, n_frames, dim).

    Parameters
    ----------
    dim, heads : int
        Each head has ``dim // heads`` features; what is left over of ``dim`` has none.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * (dim // heads)
        self.wq = nn.Linear(dim, inner, bias=False)
        self.wk = nn.Linear(dim, inner, bias=False)
        self.wv = nn.Linear(dim, inner, bias=False)
        self.wo = nn.Linear(inner, dim, bias=False)

    def forward(self, x: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Attend to frames, or only to those ``allowed``, bool of shape (n_sounds, n_frames)."""
        query, key, value = (self._split(w(x)) for w in (self.wq, self.wk, self.wv))
        mask = None if allowed is None else allowed[:, None, None]
        out = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.wo(out.permute(0, 2, 3, 1).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        """(n_sounds, n_frames, inner) to (n_sounds, heads, n_frames, inner / heads)."""
        return x.reshape(*x.shape[:2], -1, self.heads).permute(0, 3, 1, 2)


class Layer(nn.Module):
    """One layer: takes and returns the two streams, each (n_sounds, n_frames, dim)."""

    def __init__(self, dim: int, heads: int, feed_forward: nn.Module) -> None:
        super().__init__()
        self.att_layer = Attention(dim, heads)
        self.ff_layer = feed_forward
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)

    def forward(self, streams: Streams, allowed: Tensor | None = None) -> Streams:  # noqa: D102
        normed, plain = streams
        attended = self.att_layer(normed, allowed)
        normed, plain = self.norm1(normed + attended), plain + attended
        fed = self.ff_layer(normed)
        return self.norm2(normed + fed), plain + fed


class Encoder(nn.Module):
    """All layers; returns the sum of the normed stream and the other one, normed at last."""

    def __init__(self, dim: int, depth: int, heads: int, hidden: int) -> None:
        super().__init__()
        shared = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))
        self.encoder_layers = nn.ModuleList(Layer(dim, heads, shared) for _ in range(depth))
        self.final_norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, allowed: Tensor | None = None) -> Tensor:  # noqa: D102
        streams = (x, x)
        for layer in self.encoder_layers:
            streams = layer(streams, allowed)
        return streams[0] + self.final_norm(streams[1])


class Network(nn.Module):
    """What a front end gives to what the decoder would take, (n_sounds, n_frames, dim).

    Parameters
    ----------
    encoder : torch.nn.Module
        First part of the network: Identity, or EnCodec's encoder.
    n_features : int
        That it gives for each frame.
    dim : int
        Width of the layers.
    depth : int
        Number of layers.
    heads : int
        Of each layer's attention.
    hidden : int
        Width of the feed-forward network.
    """

    def __init__(
        self, encoder: nn.Module, n_features: int, *, dim: int, depth: int, heads: int, hidden: int
    ) -> None:
        super().__init__()
        self.wav_encoder = WavEncoder(encoder, n_features, dim)
        self.masker = Masker()
        self.visible_encoder = Encoder(dim, depth, heads, hidden)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 (said above)
        return self.visible_encoder(self.masker(self.wav_encoder(x)))


def initialise(network: nn.Module) -> None:
    """Draw weights as before the published training.

    Linear layers are Xavier-uniform with biases of zero; norms and the factor of the position
    encoding are one. EnCodec's encoder, which was trained already there, keeps the weights it has
    been given when it was made.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
