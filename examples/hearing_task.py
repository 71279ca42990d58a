"""Compare two models on a hearing task, and find the sounds that each mixes up."""

import numpy as np

import heschl
from heschl.report.task_numbers import confusion_counts


def loudness(waveforms):
    """Level in frames of 25 ms, in dB: (n_sounds, n_samples) to (n_sounds, 1, n_frames)."""
    frames = waveforms.reshape(len(waveforms), 1, -1, 400)
    return 10 * np.log10(np.mean(frames**2, axis=-1) + 1e-8)


for model in ("melspectrogram", heschl.wrap(loudness, sample_rate=16_000)):
    result = heschl.probe(model, "synthetic-tones", protocol="linear", show_progress=False)
    official = result.scores.iloc[0]
    print(
        f"{official['model']}: {official['value']:.0%} right, "
        f"from {official['low']:.0%} to {official['high']:.0%}"
    )
    (detail,) = result.probes
    counts = confusion_counts(detail)
    np.fill_diagonal(counts, 0)
    right, named = np.unravel_index(counts.argmax(), counts.shape)
    print(f"  most often: {detail.classes[right]} named {detail.classes[named]}, {counts.max()}")
