"""A model as a class of its own: what to write when `heschl.wrap` is not enough."""

import numpy as np

import heschl


class ZeroCrossings(heschl.AudioModel):
    """Rate of zero crossings and level, in frames of 20 ms."""

    name = "zero crossings"
    sample_rate = 16_000  # Hz
    layers = ("crossings", "level")
    level = 0.1  # every sound is brought to this root mean square first

    def __init__(self, frame=320):
        self.frame = frame  # samples

    def forward(self, waveforms, layers=None):
        """Return the layers asked for, each (n_sounds, 1, n_frames)."""
        n_frames = waveforms.shape[1] // self.frame
        frames = waveforms[:, : n_frames * self.frame].reshape(len(waveforms), n_frames, -1)
        crossings = np.abs(np.diff(np.signbit(frames), axis=2)).mean(axis=2, dtype=np.float32)
        rms = np.sqrt(np.mean(frames**2, axis=2))
        out = {"crossings": crossings[:, None], "level": np.log(rms + 1e-4)[:, None]}
        return {layer: out[layer] for layer in self.choose(layers)}

    def identity(self):
        """All that the outputs depend on."""
        return {"model": "zero crossings", "version": 1, "frame": self.frame, "level": self.level}


if __name__ == "__main__":
    model = ZeroCrossings()
    dataset = heschl.load_dataset("synthetic")
    for layer, activations in heschl.extract(model, dataset.sounds).items():
        print(f"{layer}: {activations.shape}")
    scores = heschl.score(model, dataset).scores
    print(f"r2: {scores[(scores.scope == 'dataset') & scores.region.isna()].value.item():.3f}")
