"""Score two models on one dataset, look at the table, and write the report page."""

from pathlib import Path

import heschl
from heschl import results
from heschl.report import write_report

dataset = heschl.load_dataset("synthetic")
runs = [heschl.score(model, dataset) for model in ("melspectrogram", "cochleagram")]
together = results.merge(runs)

scores = together.scores
print(scores[scores.scope == "dataset"][["model", "value", "ceiling", "stderr"]].round(3))

folder = together.save(Path("comparison"))
print(write_report(together, folder / "report.html", sounds={"synthetic": dataset.sounds}))
