"""Score two models of your own: a plain function and a small torch network."""

import numpy as np
import torch

import heschl

SAMPLE_RATE = 16_000  # Hz


def octave_bands(waveforms):
    """Level in octave bands, in dB: (n_sounds, n_samples) to (n_sounds, n_bands, n_frames)."""
    n_frames = waveforms.shape[1] // 400  # of 25 ms
    frames = waveforms[:, : n_frames * 400].reshape(len(waveforms), n_frames, 400)
    power = np.abs(np.fft.rfft(frames * np.hanning(400))) ** 2  # bins of 40 Hz
    edges = np.array([2, 4, 8, 16, 32, 64, 128])  # 80 Hz to 5120 Hz
    bands = np.add.reduceat(power, edges, axis=2)[:, :, :-1]
    return 10 * np.log10(bands + 1e-6).swapaxes(1, 2)


class TinyCNN(torch.nn.Module):
    """Two convolutions over the waveform, with random weights."""

    sample_rate = SAMPLE_RATE

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv1d(1, 32, kernel_size=400, stride=160)
        self.relu1 = torch.nn.ReLU()
        self.conv2 = torch.nn.Conv1d(32, 64, kernel_size=5, stride=2)
        self.relu2 = torch.nn.ReLU()
        self.head = torch.nn.Linear(64, 10)

    def forward(self, waveforms):
        """From waveforms (n_sounds, n_samples) to class scores (n_sounds, 10)."""
        x = self.relu1(self.conv1(waveforms[:, None]))
        x = self.relu2(self.conv2(x))
        return self.head(x.mean(dim=-1))


def main():
    """Score both on the embedded dataset."""
    torch.manual_seed(0)
    bands = heschl.wrap(octave_bands, sample_rate=SAMPLE_RATE, name="octave bands")
    cnn = heschl.wrap(TinyCNN(), layers=["relu1", "relu2"], level=0.1)
    for model in (bands, cnn):
        scores = heschl.score(model, "synthetic").scores
        overall = scores[scores.scope == "dataset"].iloc[0]
        print(
            f"{model.name}: layers {', '.join(model.layers)}; "
            f"r2 {overall.value:.3f} (ceiling {overall.ceiling:.3f})"
        )


if __name__ == "__main__":
    main()
