"""The network of BEATs, its parameters under the names and in the shapes of the official files.

Facts from Chen et al. (arXiv:2212.09058) and the published configuration and keys of
microsoft/unilm, beats/ (MIT).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from heschl.models.beats.attention import Attention
from heschl.models.beats.config import Config

EPSILON = 1e-5  # of every layer normalisation
_STD = 0.02  # of fresh weights, as in BERT


class PositionalConvolution(nn.Module):
    """A grouped convolution over tokens whose weights are a direction and a length for each tap.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, taps = config.encoder_embed_dim, config.conv_pos
        self.groups = config.conv_pos_groups
        self.bias = nn.Parameter(torch.empty(width))
        self.weight_g = nn.Parameter(torch.empty(1, 1, taps))
        self.weight_v = nn.Parameter(torch.empty(width, width // self.groups, taps))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (n, n_features, n_tokens), as many tokens out as in."""
        length = torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True)
        weight = self.weight_v * (self.weight_g / length)
        taps = weight.shape[-1]
        found = functional.conv1d(x, weight, self.bias, padding=taps // 2, groups=self.groups)
        return found[..., : x.shape[-1]]  # an even number of taps gives one token too many

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        width, _, taps = self.weight_v.shape
        self.weight_v.normal_(0, math.sqrt(4 / (taps * width)))
        self.weight_g.copy_(torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True))
        self.bias.zero_()


class Block(nn.Module):
    """Attention and a feed-forward part, each normalised together with what goes past it.

    Parameters
    ----------
    config : Config
    relative_attention_bias : torch.nn.Embedding
        Shared by all blocks.
    """

    def __init__(self, config: Config, relative_attention_bias: nn.Embedding) -> None:
        super().__init__()
        width = config.encoder_embed_dim
        self.past = (2 * config.encoder_layers) ** 0.25 if config.deep_norm else 1.0
        self.self_attn = Attention(config, relative_attention_bias)
        self.self_attn_layer_norm = nn.LayerNorm(width, eps=EPSILON)
        self.fc1 = nn.Linear(width, config.encoder_ffn_embed_dim)
        self.fc2 = nn.Linear(config.encoder_ffn_embed_dim, width)
        self.final_layer_norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, x: Tensor, position_bias: Tensor) -> Tensor:
        """Take and return (n, n_tokens, n_features)."""
        x = self.self_attn_layer_norm(x * self.past + self.self_attn(x, position_bias))
        found = self.fc2(functional.gelu(self.fc1(x)))
        return self.final_layer_norm(x * self.past + found)


class Encoder(nn.Module):
    """The blocks, and before them what tells the positions of tokens.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.pos_conv = nn.Sequential(PositionalConvolution(config), nn.GELU())
        shared = nn.Embedding(config.num_buckets, config.encoder_attention_heads)
        self.layers = nn.ModuleList(Block(config, shared) for _ in range(config.encoder_layers))
        self.layer_norm = nn.LayerNorm(config.encoder_embed_dim, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """Take and return (n, n_tokens, n_features)."""
        x = self.layer_norm(x + self.pos_conv(x.transpose(1, 2)).transpose(1, 2))
        position_bias = self.blocks()[0].self_attn.position_bias(x.shape[1])
        for block in self.layers:
            x = block(x, position_bias)
        return x

    def blocks(self) -> list[Block]:
        """Return the blocks in order."""
        return [block for block in self.layers if isinstance(block, Block)]

    @torch.no_grad()
    def reset_parameters(self, *, deep_norm: bool) -> None:
        """Draw the weights anew: normal of 0.02 as in BERT, and those of DeepNorm by Xavier."""
        for module in self.modules():
            if isinstance(module, PositionalConvolution):
                module.reset_parameters()
            if isinstance(module, nn.Linear | nn.Embedding):
                module.weight.normal_(0, _STD)
            if isinstance(module, nn.Linear):
                module.bias.zero_()
        if not deep_norm:
            return
        beta = (8 * len(self.layers)) ** -0.25  # Wang et al., arXiv:2203.00555
        for block in self.blocks():
            attention = block.self_attn
            for linear in (attention.k_proj, attention.q_proj):
                nn.init.xavier_normal_(linear.weight)
            for linear in (attention.v_proj, attention.out_proj, block.fc1, block.fc2):
                nn.init.xavier_normal_(linear.weight, gain=beta)


class Beats(nn.Module):
    """From a normalised filter bank to tokens; in the fine-tuned model, to their logits.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        side = config.input_patch_size
        self.patch_embedding = nn.Conv2d(1, config.embed_dim, side, stride=side, bias=False)
        self.layer_norm = nn.LayerNorm(config.embed_dim, eps=EPSILON)
        self.post_extract_proj = nn.Linear(config.embed_dim, config.encoder_embed_dim)
        self.encoder = Encoder(config)
        if config.predictor_class is not None:
            self.predictor = nn.Linear(config.encoder_embed_dim, config.predictor_class)

    def forward(self, fbank: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        fbank : Tensor, shape (n, n_frames, n_mels)
            Frames that do not fill a patch at the end are not used.

        Returns
        -------
        Tensor, shape (n, n_tokens, n_features or n_classes)
            Tokens in the order of time, at each time in that of frequency.
        """
        patches = self.patch_embedding(fbank[:, None])
        x = self.layer_norm(patches.flatten(2).transpose(1, 2))
        x = self.encoder(self.post_extract_proj(x))
        return x if self.config.predictor_class is None else self.predictor(x)

    def reset_parameters(self) -> None:
        """Draw the weights of the encoder as published; the others have torch's own defaults."""
        self.encoder.reset_parameters(deep_norm=self.config.deep_norm)
