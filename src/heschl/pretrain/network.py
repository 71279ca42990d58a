"""EnCodecMAE as it is trained: masked, encoded where it is visible, decoded, classified.

The parts and their names are those of the published checkpoints, so that what is trained here is
loaded as they are. Source: arXiv 2309.07391, and names, shapes and constants of
habla-liaa/encodecmae at 2dd6759 (none of its code).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from heschl.models.encodecmae.network import (
    Encoder,
    PositionalEncoder,
    WavEncoder,
    initialise,
)
from heschl.models.encodecmae.network import Masker as Encoded
from heschl.pretrain.frames import Frames

DECODER_DEPTH = 2


class VisibleEncoder(Encoder):
    """The encoder, and the linear layer that leads from it to the decoder."""

    def __init__(self, dim: int, depth: int, heads: int, hidden: int) -> None:
        super().__init__(dim, depth, heads, hidden)
        self.post_net = nn.Linear(dim, dim)

    def forward(self, x: Tensor, allowed: Tensor | None = None) -> Tensor:  # noqa: D102
        return self.post_net(super().forward(x, allowed))


class Decoder(Encoder):
    """Layers of the same kind over all frames, after position encodings of their own."""

    def __init__(self, dim: int, depth: int, heads: int, hidden: int) -> None:
        super().__init__(dim, depth, heads, hidden)
        self.positional_encoder = PositionalEncoder()

    def forward(self, x: Tensor, allowed: Tensor | None = None) -> Tensor:  # noqa: D102
        return super().forward(self.positional_encoder(x), allowed)


class Head(nn.Module):
    """One linear classifier for each codebook, all in one layer."""

    def __init__(self, dim: int, n_codebooks: int, n_codes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(dim, n_codebooks * n_codes)
        self.n_codebooks = n_codebooks

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 (said above)
        return self.layer(x).unflatten(-1, (self.n_codebooks, -1))


class PretrainingNetwork(nn.Module):
    """What is trained.

    Parameters
    ----------
    encoder : torch.nn.Module
        First part: Identity for spectrograms, EnCodec's encoder for waveforms. It is not trained.
    n_features : int
        That it gives for each frame.
    dim, depth, heads, hidden : int
        As in `heschl.models.encodecmae.network.Network`; the decoder has the same but its depth.
    decoder_depth : int
    n_codebooks, n_codes : int
        Of the targets.
    """

    def __init__(
        self,
        encoder: nn.Module,
        n_features: int,
        *,
        dim: int,
        depth: int,
        heads: int,
        hidden: int,
        decoder_depth: int,
        n_codebooks: int,
        n_codes: int,
    ) -> None:
        super().__init__()
        self.wav_encoder = WavEncoder(
            encoder.eval().requires_grad_(requires_grad=False), n_features, dim
        )
        self.masker = Encoded()
        self.visible_encoder = VisibleEncoder(dim, depth, heads, hidden)
        self.decoder = Decoder(dim, decoder_depth, heads, hidden)
        self.head = Head(dim, n_codebooks, n_codes)
        initialise(self)

    def forward(self, inputs: Tensor, frames: Frames) -> Tensor:
        """Predict the codes of all frames from the visible ones.

        Parameters
        ----------
        inputs : Tensor, shape (n_clips, n_frames, n_features), or waveforms (n_clips, n_samples)
            What the front end gives.
        frames : Frames

        Returns
        -------
        Tensor, shape (n_clips, n_frames, n_codebooks, n_codes)
            Logits.
        """
        x = self.masker(self.wav_encoder(inputs))
        rows = frames.order[..., None].expand(-1, -1, x.shape[-1])
        encoded = self.visible_encoder(x.gather(1, rows), frames.seen)
        if frames.seen is not None:
            encoded = encoded * frames.seen[..., None]
        whole = torch.zeros_like(x, dtype=encoded.dtype).scatter(1, rows, encoded)
        return self.head(self.decoder(whole, frames.sounding))

    def train(self, mode: bool = True) -> PretrainingNetwork:
        """Switch to training; the first part, which is not trained, stays as it is."""
        super().train(mode)
        self.wav_encoder.encoder.eval()
        return self
