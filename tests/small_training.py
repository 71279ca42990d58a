"""A small brain dataset and a small network under training, with dropout and BatchNorm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn

from heschl.brain import BrainDataset
from heschl.sounds import Clip, Sounds

RATE = 4000
N_SOUNDS = 20


def sounds(rate=RATE, n=N_SOUNDS):
    """Half a second of noise in a band of its own for each sound."""
    rng = np.random.default_rng(0)
    clips = []
    for i in range(n):
        spectrum = np.fft.rfft(rng.standard_normal(rate // 2))
        spectrum[: 40 * (i % 5)] = 0
        spectrum[40 * (i % 5) + 60 + 20 * i :] = 0
        waveform = 0.1 * np.fft.irfft(spectrum)
        clips.append(Clip(f"sound{i}", (waveform.astype(np.float32), rate), f"kind{i % 4}"))
    return Sounds(clips, duration=0.5)


def components(name="parts", n_targets=3):
    """Targets without listeners; responses of two repetitions."""
    rng = np.random.default_rng(1)
    truth = rng.standard_normal((N_SOUNDS, n_targets, 1))
    noise = 0.3 * rng.standard_normal((N_SOUNDS, n_targets, 2))
    return BrainDataset(
        name=name,
        kind="components",
        sounds=sounds(),
        responses=truth + noise,
        targets=pd.DataFrame({"target": [f"part{i}" for i in range(n_targets)]}),
        folds=np.arange(N_SOUNDS) % 5,
    )


def voxels(name="cortex"):
    """Two regions of two listeners, six voxels each."""
    rng = np.random.default_rng(2)
    rows = [
        {"target": f"{who}-{where}-{i}", "listener": who, "region": where}
        for who in ("anna", "bert")
        for where in ("core", "belt")
        for i in range(6)
    ]
    return BrainDataset(
        name=name,
        kind="voxels",
        sounds=sounds(),
        responses=rng.standard_normal((N_SOUNDS, len(rows), 3)),
        targets=pd.DataFrame(rows),
        folds=np.arange(N_SOUNDS) % 5,
    )


class Net(nn.Module):
    """Waveforms (n_sounds, n_samples) to two logits."""

    sample_rate = RATE

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(1, 6, 64, stride=32), nn.BatchNorm1d(6), nn.ReLU())
        self.drop = nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(6)
        self.head = nn.Linear(6, 2)

    def forward(self, waveforms):
        x = self.conv(waveforms[:, None])
        return self.head(self.drop(self.norm(x)).mean(dim=-1))


def batch(step, size=8):
    """Waveforms (size, n_samples) and labels (size,) of a step, whatever the random state is."""
    rng = np.random.default_rng([7, step])
    x = torch.from_numpy(rng.standard_normal((size, 800), dtype=np.float32))
    return x, torch.from_numpy(rng.integers(0, 2, size))


def train(follow=None, steps=6, net=None):
    """Train for a few steps; return the network's state and the losses."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - the state that users have
    net = Net() if net is None else net
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    if follow is not None:
        follow(net, 0)
    for step in range(1, steps + 1):
        x, y = batch(step)
        x = x + 0.1 * torch.randn_like(x) + float(np.random.normal())  # noqa: NPY002
        loss = nn.functional.cross_entropy(net(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        if follow is not None:
            follow(net, step, loss)
    return net.state_dict(), losses


def assert_same(one, other):
    """Assert that two states are equal to the bit."""
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert torch.equal(value, other[key]), key
