"""The network of DeepSpeech2, its submodules named as in the released checkpoint."""

from __future__ import annotations

from torch import Tensor, nn

from heschl.models.deepspeech2.frontend import N_BINS

N_MAPS = 32
N_HIDDEN = 1024
N_LAYERS = 5
N_LABELS = 29  # blank, apostrophe, 26 letters, space
CEILING = 20.0  # of the clipped rectifier


class Convolutions(nn.Module):
    """Two convolutions over frequency and time; together they halve time and quarter frequency.

    The original zeroes frames beyond a clip's own length; clips that go together here have one
    length, so there are none.
    """

    def __init__(self, n_maps: int) -> None:
        super().__init__()
        self.seq_module = nn.Sequential(
            nn.Conv2d(1, n_maps, (41, 11), stride=(2, 2), padding=(20, 5)),
            nn.BatchNorm2d(n_maps),
            nn.Hardtanh(0, CEILING),
            nn.Conv2d(n_maps, n_maps, (21, 11), stride=(2, 1), padding=(10, 5)),
            nn.BatchNorm2d(n_maps),
            nn.Hardtanh(0, CEILING),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_sounds, 1, 161, n_frames) to (n_sounds, n_maps, 41, half as many frames)."""
        out: Tensor = self.seq_module(x)
        return out


class PerFrame(nn.Module):
    """A module that is applied to every frame by itself.

    Parameters
    ----------
    module : torch.nn.Module
        Takes (n, n_features).
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_frames, n_sounds, n_features), all frames of all sounds at once."""
        out: Tensor = self.module(x.flatten(0, 1))
        return out.reshape(*x.shape[:2], -1)


class Recurrent(nn.Module):
    """Batch normalisation (but in the first layer) and a bidirectional LSTM."""

    def __init__(self, n_inputs: int, n_hidden: int, *, normalise: bool) -> None:
        super().__init__()
        self.batch_norm = PerFrame(nn.BatchNorm1d(n_inputs)) if normalise else None
        self.rnn = nn.LSTM(n_inputs, n_hidden, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_frames, n_sounds, n_inputs) to the sum of both directions, n_hidden of them."""
        if self.batch_norm is not None:
            x = self.batch_norm(x)
        forward, backward = self.rnn(x)[0].chunk(2, dim=-1)
        out: Tensor = forward + backward
        return out


class Network(nn.Module):
    """DeepSpeech2.

    Parameters
    ----------
    n_maps, n_hidden : int
        Of the convolutions and of each direction of the LSTMs.
    """

    def __init__(self, n_maps: int = N_MAPS, n_hidden: int = N_HIDDEN) -> None:
        super().__init__()
        self.conv = Convolutions(n_maps)
        n_rows = (N_BINS + 3) // 4  # frequency, after two strides of 2
        widths = [n_maps * n_rows] + [n_hidden] * (N_LAYERS - 1)
        self.rnns = nn.Sequential(
            *(Recurrent(width, n_hidden, normalise=i > 0) for i, width in enumerate(widths))
        )
        spell = nn.Sequential(nn.BatchNorm1d(n_hidden), nn.Linear(n_hidden, N_LABELS, bias=False))
        self.fc = nn.Sequential(PerFrame(spell))

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Map (n_sounds, 161, n_frames) to scores of letters, (frames, n_sounds, 29)."""
        maps = self.conv(spectrogram[:, None])
        x = maps.flatten(1, 2).permute(2, 0, 1)
        out: Tensor = self.fc(self.rnns(x))
        return out
