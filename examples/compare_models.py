"""Score a model by name and one of your own, look at the table, and write the report page."""

from pathlib import Path

import numpy as np

import heschl
from heschl import results
from heschl.report import write_report


def loudness(waveforms):
    """Level in frames of 25 ms, in dB: (n_sounds, n_samples) to (n_sounds, 1, n_frames)."""
    frames = waveforms[:, :32_000].reshape(len(waveforms), 1, 80, 400)
    return 10 * np.log10(np.mean(frames**2, axis=-1) + 1e-8)


models = ["melspectrogram", heschl.wrap(loudness, sample_rate=16_000)]
dataset = heschl.load_dataset("synthetic")
together = results.merge([heschl.score(model, dataset) for model in models])

scores = together.scores
overall = scores[(scores.scope == "dataset") & scores.region.isna()]
print(overall[["model", "value", "low", "high", "ceiling"]].round(3).to_string(index=False))

folder = together.save(Path("comparison"))
print(write_report(together, folder / "report.html", sounds={"synthetic": dataset.sounds}))
