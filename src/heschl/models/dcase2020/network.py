"""Encoder and decoder of the captioner, their submodules named as in the released file."""

from __future__ import annotations

from torch import Tensor, nn

from heschl.models.dcase2020.frontend import N_MELS

N_HIDDEN = 256  # of each direction, and of the decoder
N_WORDS = 4367  # of the captions of Clotho
N_STEPS = 22  # words of the longest caption


class Encoder(nn.Module):
    """Three bidirectional GRUs; the second and the third add to what they are given."""

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        wide = 2 * n_hidden
        self.gru_1 = nn.GRU(N_MELS, n_hidden, batch_first=True, bidirectional=True)
        self.gru_2 = nn.GRU(wide, n_hidden, batch_first=True, bidirectional=True)
        self.gru_3 = nn.GRU(wide, n_hidden, batch_first=True, bidirectional=True)

    def forward(self, log_mel: Tensor) -> Tensor:
        """Map (n_sounds, n_frames, 64) to (n_sounds, n_frames, 2 * n_hidden)."""
        h: Tensor = self.gru_1(log_mel)[0]
        h = h + self.gru_2(h)[0]
        return h + self.gru_3(h)[0]


class Decoder(nn.Module):
    """A GRU and a classifier of words."""

    def __init__(self, n_hidden: int, n_words: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(2 * n_hidden, n_hidden, batch_first=True)
        self.classifier = nn.Linear(n_hidden, n_words)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_sounds, n_steps, 2 * n_hidden) to (n_sounds, n_steps, n_words)."""
        out: Tensor = self.classifier(self.rnn(x)[0])
        return out


class Network(nn.Module):
    """The captioner; its dropout, which is off in use, is left out.

    Parameters
    ----------
    n_hidden, n_words : int
    """

    def __init__(self, n_hidden: int = N_HIDDEN, n_words: int = N_WORDS) -> None:
        super().__init__()
        self.encoder = Encoder(n_hidden)
        self.decoder = Decoder(n_hidden, n_words)

    def forward(self, log_mel: Tensor) -> Tensor:
        """Map (n_sounds, n_frames, 64) to scores of words, (n_sounds, 22, n_words).

        Every step of the decoder is given the encoder's output for the last frame, of which the
        backward half has seen no other frame.
        """
        last = self.encoder(log_mel)[:, -1:]
        out: Tensor = self.decoder(last.expand(-1, N_STEPS, -1))
        return out
