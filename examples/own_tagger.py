"""A trained network of one's own as a model: a small tagger of sounds, from its checkpoint.

The network is GPV-F (Dinkel, Wang, Xu, Wu & Yu, "Voice activity detection in the wild: A
data-driven approach using teacher-student training", 2021): convolutions and a recurrent layer on a
log-mel spectrogram, trained on AudioSet. Its weights (github.com/RicherMans/GPV, GPL-3.0) are not
part of heschl: put ``gpv_f.pth`` somewhere and say where, with GPV_CHECKPOINT.

Run: python own_tagger.py
or, in this folder: heschl score torch:own_tagger:load --dataset synthetic
"""

import math
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

CHECKPOINT = Path(__file__).resolve().parents[2] / "shared/data/checkpoints/gpv_f.pth"
SAMPLE_RATE = 22_050  # Hz
N_FFT, WINDOW, HOP, N_MELS = 2048, 882, 441, 64


class Block(nn.Module):
    """Normalisation, 3 x 3 convolution, leaky rectification."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.block = nn.Sequential(
            nn.BatchNorm2d(n_in),
            nn.Conv2d(n_in, n_out, kernel_size=3, padding=1, bias=False),
            nn.LeakyReLU(0.1),
        )

    def forward(self, x):
        """Return (n_sounds, n_out, n_frames, n_bands)."""
        return self.block(x)


class Tagger(nn.Module):
    """Waveforms (n_sounds, n_samples) to probabilities (n_sounds, n_frames, 527)."""

    sample_rate = SAMPLE_RATE  # what heschl is to give it, in Hz

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            Block(1, 32),
            nn.LPPool2d(4, (2, 4)),
            Block(32, 128),
            Block(128, 128),
            nn.LPPool2d(4, (2, 4)),
            Block(128, 128),
            Block(128, 128),
            nn.LPPool2d(4, (1, 4)),
            nn.Dropout(0.3),
        )
        self.gru = nn.GRU(128, 128, bidirectional=True, batch_first=True)
        self.outputlayer = nn.Linear(256, 527)
        filters = torch.from_numpy(mel_filters())
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    def log_mel(self, waveforms):
        """Return the logarithm of power in mel bands, (n_sounds, n_frames, 64)."""
        spectrum = torch.stft(
            waveforms,
            N_FFT,
            HOP,
            WINDOW,
            self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return torch.log(self.filters @ spectrum.abs().square() + 2.2e-16).transpose(1, 2)

    def forward(self, waveforms):
        """Return the probability of each class in each frame."""
        x = self.features(self.log_mel(waveforms)[:, None])
        x, _ = self.gru(x.transpose(1, 2).flatten(2))  # (n_sounds, n_frames, channels x bands)
        return torch.sigmoid(self.outputlayer(x))


def mel_filters():
    """Slaney's mel filters, each of unit area: (64, 1025)."""
    step, knee, log_step = 200 / 3, 1000.0, math.log(6.4) / 27
    top = knee / step + math.log(SAMPLE_RATE / 2 / knee) / log_step
    mels = np.linspace(0, top, N_MELS + 2)
    linear, beyond = step * mels, knee * np.exp(log_step * (mels - knee / step))
    edges = np.where(mels < knee / step, linear, beyond)
    frequencies = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def load():
    """Return the network with its trained weights."""
    path = Path(os.environ.get("GPV_CHECKPOINT", CHECKPOINT))
    network = Tagger()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()


if __name__ == "__main__":
    import heschl

    model = heschl.wrap(load(), name="GPV-F")
    print(f"{model.name}: {', '.join(model.layers)}")
