"""Self-attention with a relative position bias that every query gates for itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from heschl.models.beats.config import Config

GATES = (2, 4)  # the eight outputs of grep_linear: two gates, each the sum of four


def buckets(distance: Tensor, *, num_buckets: int, max_distance: int) -> Tensor:
    """Buckets of relative positions: one for each small distance, ever wider ones for larger.

    As in T5 (Raffel et al., JMLR 2020, section 2.1): half of the buckets for either direction, half
    of those for single distances, the rest spaced logarithmically up to ``max_distance``.

    Parameters
    ----------
    distance : Tensor of int64
        Index of the key minus that of the query, in tokens; any shape.
    num_buckets, max_distance : int

    Returns
    -------
    Tensor of int64
        From 0 to ``num_buckets - 1``; keys after the query have the upper half.
    """
    half = num_buckets // 2
    exact = half // 2
    size = distance.abs()
    logarithm = torch.log(size.clamp_min(1).double() / exact) / math.log(max_distance / exact)
    wide = (exact + (logarithm * (half - exact)).long()).clamp_max(half - 1)
    return torch.where(size < exact, size, wide) + half * (distance > 0)


class Attention(nn.Module):
    """Multi-head self-attention; parameters are named as in the official files.

    Parameters
    ----------
    config : Config
    relative_attention_bias : torch.nn.Embedding
        The table of position biases (num_buckets, n_heads), which all blocks share.
    """

    def __init__(self, config: Config, relative_attention_bias: nn.Embedding) -> None:
        super().__init__()
        width = config.encoder_embed_dim
        self.n_heads = config.encoder_attention_heads
        self.num_buckets, self.max_distance = config.num_buckets, config.max_distance
        self.relative_attention_bias = relative_attention_bias
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)
        self.grep_linear = nn.Linear(width // self.n_heads, math.prod(GATES))
        self.grep_a = nn.Parameter(torch.ones(1, self.n_heads, 1, 1))

    def position_bias(self, n_tokens: int) -> Tensor:
        """Return the bias before the gate, shape (n_heads, n_tokens, n_tokens): query, key."""
        device = self.relative_attention_bias.weight.device
        ends = torch.arange(1 - n_tokens, n_tokens)
        found = buckets(ends, num_buckets=self.num_buckets, max_distance=self.max_distance)
        by_distance = self.relative_attention_bias(found.to(device))
        place = torch.arange(n_tokens, device=device)
        index = place[None, :] - place[:, None] + n_tokens - 1
        return by_distance.T[:, index]

    def gate(self, q: Tensor) -> Tensor:
        """Return what each query multiplies its position biases with.

        Parameters
        ----------
        q : Tensor, shape (n, n_heads, n_tokens, n_features / n_heads)
            Before it is scaled.

        Returns
        -------
        Tensor, shape (n, n_heads, n_tokens, 1)
        """
        gates = torch.sigmoid(self.grep_linear(q).unflatten(-1, GATES).sum(-1))
        a, b = gates[..., :1], gates[..., 1:]
        return a * (b * self.grep_a - 1) + 2

    def forward(self, x: Tensor, position_bias: Tensor) -> Tensor:
        """Attend.

        Parameters
        ----------
        x : Tensor, shape (n, n_tokens, n_features)
        position_bias : Tensor, shape (n_heads, n_tokens, n_tokens)

        Returns
        -------
        Tensor, shape (n, n_tokens, n_features)
        """
        q, k, v = (
            projection(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        # The original subtracts each row's maximum before it adds the bias, in steps of 1/32
        # against overflow in half precision: a constant of the row, which softmax does not see.
        bias = self.gate(q) * position_bias
        found = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.out_proj(found.transpose(1, 2).flatten(2))
