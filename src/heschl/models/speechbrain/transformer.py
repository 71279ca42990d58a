"""The transformer inside SepFormer: pre-norm layers over one axis of a grid of positions.

All modules take (n_sounds, n_rows, n_positions, width) and attend along ``n_positions``, each row
by itself, so that the sounds of a batch stay apart in every output. Names of parameters are those
of SpeechBrain's checkpoints.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from heschl.errors import InputError

LAYER_NORM_EPS = 1e-6


class SelfAttention(nn.Module):
    """Multi-head attention of positions to each other, without mask.

    Parameters
    ----------
    width, n_heads : int
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights as torch's own attention does, of which the published network is."""
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.in_proj_bias)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Attend along the third axis of (n_sounds, n_rows, n_positions, width)."""
        mixed = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        heads = mixed.view(-1, x.shape[2], 3, self.n_heads, x.shape[3] // self.n_heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query, key, value)
        joined: Tensor = self.out_proj(found.transpose(1, 2).reshape(x.shape))
        return joined


class PositionalEncoding(nn.Module):
    """Sines and cosines of the position; the table is part of the published state.

    Parameters
    ----------
    width, n_positions : int
        Size of the table.
    """

    pe: Tensor

    def __init__(self, width: int, n_positions: int) -> None:
        super().__init__()
        steps = torch.exp(torch.arange(0, width, 2).float() * -(math.log(10_000) / width))
        angles = torch.arange(n_positions).float()[:, None] * steps
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
        self.register_buffer("pe", table[None])

    def forward(self, n_positions: int) -> Tensor:
        """Return the first rows of the table, shape (1, n_positions, width).

        Raises
        ------
        InputError
            If there are more positions than rows.
        """
        if n_positions > self.pe.shape[1]:
            raise InputError(
                f"a sound of {n_positions} positions; expected at most {self.pe.shape[1]}, as many "
                "as the model has encodings for: cut it into shorter sounds"
            )
        return self.pe[:, :n_positions]


class TransformerLayer(nn.Module):
    """Attention and feed-forward network, each behind a layer norm and added to its input.

    Parameters
    ----------
    width, n_heads, hidden : int
        ``hidden`` units between the two linear maps of the feed-forward network.
    """

    def __init__(self, width: int, n_heads: int, hidden: int) -> None:
        super().__init__()
        self.self_att = nn.ModuleDict({"att": SelfAttention(width, n_heads)})
        # the third is dropout during training; the fourth is what is recorded, so the rectifier
        # may overwrite the first's output, the largest tensor of the layer
        ffn = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(inplace=True), nn.Identity(), nn.Linear(hidden, width)
        )
        self.pos_ffn = nn.ModuleDict({"ffn": ffn})
        self.norm1 = nn.ModuleDict({"norm": nn.LayerNorm(width, eps=LAYER_NORM_EPS)})
        self.norm2 = nn.ModuleDict({"norm": nn.LayerNorm(width, eps=LAYER_NORM_EPS)})

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_sounds, n_rows, n_positions, width) to the same shape."""
        x = x + self.self_att["att"](self.norm1["norm"](x))
        out: Tensor = x + self.pos_ffn["ffn"](self.norm2["norm"](x))
        return out


class Transformer(nn.Module):
    """Positional encoding, layers, and a last layer norm.

    Parameters
    ----------
    width, n_heads, hidden, n_layers, n_positions : int
    """

    def __init__(
        self, width: int, n_heads: int, hidden: int, n_layers: int, n_positions: int
    ) -> None:
        super().__init__()
        layers = nn.ModuleList(TransformerLayer(width, n_heads, hidden) for _ in range(n_layers))
        last = nn.ModuleDict({"norm": nn.LayerNorm(width, eps=LAYER_NORM_EPS)})
        self.mdl = nn.ModuleDict({"layers": layers, "norm": last})
        self.pos_enc = PositionalEncoding(width, n_positions)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_sounds, n_rows, n_positions, width) to the same shape."""
        x = x + self.pos_enc(x.shape[2])
        for layer in self.mdl["layers"].children():
            x = layer(x)
        out: Tensor = self.mdl["norm"]["norm"](x)  # type: ignore[index]
        return out
