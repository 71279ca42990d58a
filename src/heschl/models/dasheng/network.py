"""The network of Dasheng, its parameters under the names and in the shapes of the official files.

Facts from Dinkel et al. (arXiv:2406.06992) and the configuration, keys and constants of the package
``dasheng`` 0.0.9 (Apache-2.0).
"""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from heschl.models.dasheng.config import PATCH, Config
from heschl.models.dasheng.frontend import N_MELS

EPSILON = 1e-6  # of every layer normalisation
_STD = 0.02  # of fresh position embeddings


class Attention(nn.Module):
    """Multi-head self-attention.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.qkv = nn.Linear(config.embed_dim, 3 * config.embed_dim)
        self.proj = nn.Linear(config.embed_dim, config.embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Take and return (n, n_tokens, n_features)."""
        heads = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(*heads.unbind(0))
        return self.proj(found.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two linear layers with an exact GELU between them.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.embed_dim, 4 * config.embed_dim)
        self.fc2 = nn.Linear(4 * config.embed_dim, config.embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Take and return (n, n_tokens, n_features)."""
        return self.fc2(functional.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention and a feed-forward part, each on normalised input and added to what goes past it.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.embed_dim, eps=EPSILON)
        self.attn = Attention(config)
        self.norm2 = nn.LayerNorm(config.embed_dim, eps=EPSILON)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor) -> Tensor:
        """Take and return (n, n_tokens, n_features)."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    """Patches of all mel bands and four frames, side by side.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        side = (N_MELS, PATCH)
        self.proj = nn.Conv2d(1, config.embed_dim, kernel_size=side, stride=side)

    def forward(self, x: Tensor) -> Tensor:
        """Take (n, 1, n_mels, n_frames), return (n, n_features, 1, n_tokens)."""
        return self.proj(x)


class Dasheng(nn.Module):
    """From a spectrogram in dB to tokens of 40 ms.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, n_tokens = config.embed_dim, config.target_length // PATCH
        self.init_bn = nn.Sequential(OrderedDict([("1", nn.BatchNorm1d(N_MELS))]))
        self.patch_embed = PatchEmbedding(config)
        self.time_pos_embed = nn.Parameter(torch.empty(1, width, 1, n_tokens))
        self.freq_pos_embed = nn.Parameter(torch.empty(1, width, 1, 1))
        self.blocks = nn.Sequential(*(Block(config) for _ in range(config.depth)))
        self.norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, decibels: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        decibels : Tensor, shape (n, n_mels, n_frames)
            At most as many frames as there are positions, and fewer than a patch more; those that
            do not fill a patch at the end are not used.

        Returns
        -------
        Tensor, shape (n, n_tokens, n_features)
        """
        patches = self.patch_embed(self.init_bn(decibels)[:, None])
        x = patches + self.time_pos_embed[..., : patches.shape[-1]] + self.freq_pos_embed
        return self.norm(self.blocks(x.flatten(2).transpose(1, 2)))

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw positions and linear layers as published; the rest has torch's own defaults."""
        self.time_pos_embed.normal_(0, _STD)
        self.freq_pos_embed.normal_(0, _STD)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                limit = math.sqrt(6 / sum(module.weight.shape))  # Glorot & Bengio, AISTATS 2010
                module.weight.uniform_(-limit, limit)
                module.bias.zero_()
