"""How well do two models solve a hearing task, and which sounds do they mix up?"""

import numpy as np

import heschl
from heschl.report.task_numbers import confusion_counts

for model in ("melspectrogram", "metricgan@random:0"):
    result = heschl.probe(model, "synthetic-tones", protocol="linear", show_progress=False)
    official = result.scores.iloc[0]
    print(
        f"{model}: {official['value']:.0%} right, from {official['low']:.0%} to "
        f"{official['high']:.0%}, in layer {official['layer']}"
    )
    (detail,) = result.probes
    counts = confusion_counts(detail)
    np.fill_diagonal(counts, 0)
    right, named = np.unravel_index(counts.argmax(), counts.shape)
    print(f"  most often: {detail.classes[right]} named {detail.classes[named]}, {counts.max()}")
