"""What a cluster costs, and what it gives: 200 quick jobs in one process, and on workers of Dask.

The study is one model on 67 folders of sixteen short sounds: 67 extractions, which are there after
the first run and only looked at, and as many analyses by regression and by similarity, without
resamples. So little is computed that what Dask adds to it can be seen. Seconds count from when the
workers are there; how long that takes stands beside. Crews take turns; medians.

Run: python benchmarks/cluster.py [RUNS]
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from heschl.cluster import gather, parse_place
from heschl.errors import HeschlWarning
from heschl.studies import Running, read_study, run_study
from heschl.studies.crew import Crew, Gather, alone
from heschl.studies.reading import StudyFile

#: With up to 12 targets each would be a measure, and the tables over models take the longest.
N_FOLDERS, N_SOUNDS, N_TARGETS, RATE = 67, 16, 13, 16_000
CREWS = ("one process", "local:1", "local:2")


def write_dataset(folder: Path, rng: np.random.Generator) -> None:
    """Write a dataset of noises and made-up responses."""
    (folder / "sounds").mkdir(parents=True)
    names = [f"sound{i:02d}" for i in range(N_SOUNDS)]
    for name in names:
        soundfile.write(
            folder / "sounds" / f"{name}.wav", 0.1 * rng.standard_normal(RATE // 4), RATE
        )
    rows = [
        {"sound": name, "repeat": repeat}
        | {f"voxel{i}": value for i, value in enumerate(rng.standard_normal(N_TARGETS))}
        for name in names
        for repeat in (1, 2)
    ]
    pd.DataFrame(rows).to_csv(folder / "responses.csv", index=False)


def write_study(place: Path) -> Path:
    """Write the study file and its datasets."""
    rng = np.random.default_rng(0)
    folders = [place / f"data{i:02d}" for i in range(N_FOLDERS)]
    for folder in folders:
        write_dataset(folder, rng)
    path = place / "quick.yaml"
    path.write_text(
        "study: quick\ntitle: Quick jobs\nmodels: [melspectrogram]\nbootstrap: 0\n"
        f"layer_profiles: false\ndatasets: [{', '.join(f'./{one.name}' for one in folders)}]\n",
        encoding="utf-8",
    )
    return path


def seconds(file: StudyFile, folder: Path, gathered: Gather) -> tuple[float, float]:
    """Carry the study out; return how long it took to have the workers, and to do the jobs."""
    there: list[float] = []

    @contextlib.contextmanager
    def noted(file: StudyFile, folder: Path, how: Running) -> Iterator[Crew]:
        with gathered(file, folder, how) as crew:
            while not crew.free():
                time.sleep(0.01)
            there.append(time.perf_counter())
            yield crew
            there.append(time.perf_counter())

    began = time.perf_counter()
    run = run_study(file, folder, how=Running(n_jobs=1, show_progress=False), crew=noted)
    if not run.done:
        raise RuntimeError(f"{len(run.failures)} steps failed: {run.failures[0].error}")
    return there[0] - began, there[1] - there[0]


def main(n_runs: int) -> None:
    warnings.simplefilter("ignore", HeschlWarning)
    found: dict[str, list[tuple[float, float]]] = {crew: [] for crew in CREWS}
    with tempfile.TemporaryDirectory() as place:
        os.environ["HESCHL_HOME"] = f"{place}/home"
        file = read_study(write_study(Path(place)))
        seconds(file, Path(place) / "warm", alone)
        for turn in range(n_runs):
            for crew in CREWS:
                gathered = alone if crew == CREWS[0] else gather(parse_place(crew))
                folder = Path(place) / f"{crew.replace(':', '')}-{turn}"
                found[crew].append(seconds(file, folder, gathered))
    n_jobs, base = 3 * N_FOLDERS, statistics.median(jobs for _, jobs in found[CREWS[0]])
    print(f"{n_jobs} jobs{'':20}{'start, s':>10}{'jobs, s':>10}{'ms a job':>10}{'speed':>8}")
    for crew, took in found.items():
        start, jobs = (statistics.median(one) for one in zip(*took, strict=True))
        print(
            f"{crew:28}{start:10.1f}{jobs:10.1f}{1000 * jobs / n_jobs:10.1f}{base / jobs:8.2f}",
            flush=True,
        )
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
