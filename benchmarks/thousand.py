"""A study of 1,000 models on 20 datasets and 6 tasks: what does not need a GPU, at its real size.

Numbers are made up, everything else is as in a run: the jobs are decided about by `Carrying`, the
index is written and read, results are on disk, one folder each (of few targets: those of 10,000
voxels would be 2 TB), the check of whole results reads them, and the tables are made. Each part is
printed as it is done: seconds, seconds of the processor, the largest memory. Before that, a
forecast of the study on 64 GPUs.

Run: python benchmarks/thousand.py [MODELS]
"""

from __future__ import annotations

import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from heschl.models import MODELS
from heschl.results import FILE, Detail, Results, score_table
from heschl.studies.carrying import Carrying
from heschl.studies.costs import NOTHING, analysis, extraction, loading, opening
from heschl.studies.description import ModelEntry
from heschl.studies.folder import RUNS, StudyRun, load_run
from heschl.studies.forecast import Conditions, Forecast, Piece, Worker, forecast
from heschl.studies.jobs import Attempt, Extracted, Outcome, jobs_of
from heschl.studies.keeping import is_whole, keep
from heschl.studies.sizes import DataSize, data_size, model_size
from heschl.studies.steps import PROBE, Step
from heschl.studies.writing import write_tables
from heschl.tasks import TASKS

N_DATASETS, N_TASKS, N_TARGETS, N_SOUNDS, N_LISTENERS = 20, 6, 8, 20, 8
FAMILIES = 36
#: The models of the published study: all of the table but those that are simpler than any in it.
PUBLISHED = [name for name in MODELS if name not in ("cochleagram", "melspectrogram")]
#: Operations a second of a core of the workers, in products of large matrices.
CORE_SPEED = 5e10
#: Results of which all is done to tell how long all would take.
SOME = 100
Out = TypeVar("Out")


def timed(what: str, work: Callable[[], Out], *, times: float = 1.0) -> Out:
    """Do something, and print what it took; ``times`` as much for the whole study."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{what:58}{times * wall:10.1f}{times * cpu:10.1f}{memory:8.1f}", flush=True)
    return found


def steps_of(n_models: int) -> list[Step]:
    found = []
    for i in range(n_models):
        name = f"model{i:04d}"
        entry = ModelEntry(name=name)
        for data in range(N_DATASETS):
            for metric in ("regression", "rsa"):
                found.append(
                    Step(name, entry, f"data{data}", f"data{data}", metric, "pepino2025", 0)
                )
        for task in range(N_TASKS):
            found.append(Step(name, entry, f"task{task}", f"task{task}", PROBE, "pepino2025", 0))
    return found


def carry_out(steps: list[Step]) -> int:
    """Decide about every job, 128 of them under way."""
    carrying = Carrying(jobs_of(steps, {step.model for step in steps}))
    under_way: list[Attempt] = []
    while not carrying.over:
        while len(under_way) < 128 and (attempt := carrying.next()) is not None:
            under_way.append(attempt)
        attempt = under_way.pop(0)
        places = attempt.job.steps
        result = (
            Extracted({place: f"{steps[place].name}-{place:016x}" for place in places}, frozenset())
            if attempt.job.extracts
            else f"{steps[places[0]].name}-{places[0]:016x}"
        )
        carrying.take(attempt, Outcome(result))
    return carrying.n_ended


def index_of(steps: list[Step]) -> StudyRun:
    models = list(dict.fromkeys(step.model for step in steps))
    return StudyRun(
        study="thousand",
        title="1,000 models",
        text="".join(f"- name: {name}\n  family: f\n" for name in models),
        models={
            name: {
                "family": f"family{i % FAMILIES}",
                "training": ("supervised", "self-supervised")[i % 2],
                "parameters": 10_000_000 + 1000 * i,
                "hours": 100.0 + i,
            }
            for i, name in enumerate(models)
        },
        commands={
            name: [f"heschl score {name} --dataset data{i}" for i in range(N_DATASETS)]
            for name in models
        },
        runs=tuple(f"{step.name}-{place:016x}" for place, step in enumerate(steps)),
        failures=(),
        n_steps=len(steps),
    )


def made_up(step: Step, place: int) -> Results:
    """Return the result of a step: scores of the dataset, its listeners and targets."""
    rng = np.random.default_rng(place)
    key = key_of(place)
    rows = list(rows_of(step, rng, key))
    record = {
        "metric": step.metric,
        "protocol": {"name": step.protocol, "version": 1},
        "environment": {"heschl": "0", "numpy": np.__version__},
        "model": {"model": step.model, "layers": [f"encoder.layers.{i}" for i in range(13)]},
        ("task" if step.probes else "dataset"): {
            "name": step.data,
            **dict.fromkeys(("sounds_sha256", "responses_sha256", "labels_sha256"), "0" * 64),
        },
    }
    details = () if step.metric != "regression" else (detail_of(step, rng, key),)
    return Results(score_table(rows), {key: record}, details)


def key_of(place: int) -> str:
    """Return the key of a result's provenance, which nothing else in its text contains."""
    return f"result-{place:06d}"


def rows_of(step: Step, rng: np.random.Generator, key: str) -> Iterator[dict[str, object]]:
    unit = {"regression": "r2", "rsa": "rho", PROBE: "accuracy"}[step.metric]
    scopes = [("dataset", "all")]
    if not step.probes:
        scopes += [("listener", f"listener{i}") for i in range(N_LISTENERS)]
    if step.metric == "regression":
        scopes += [("target", f"voxel{i}") for i in range(N_TARGETS)]
    for scope, target in scopes:
        value = float(rng.uniform())
        yield {
            **{"model": step.model, "dataset": step.data, "metric": step.metric},
            **{"protocol": step.protocol, "scope": scope, "target": target, "region": None},
            **{"layer": "encoder.layers.7", "value": value, "unit": unit, "ceiling": 0.9},
            **{"stderr": 0.01, "low": value - 0.1, "high": value + 0.1, "n_sounds": N_SOUNDS},
            "provenance": key,
        }


def detail_of(step: Step, rng: np.random.Generator, key: str) -> Detail:
    layers = tuple(f"encoder.layers.{i}" for i in range(13))
    targets = pd.DataFrame({"target": [f"voxel{i}" for i in range(N_TARGETS)]})
    sounds = pd.DataFrame({"sound": [f"sound{i}" for i in range(N_SOUNDS)]})
    shape, folds = (N_SOUNDS, N_TARGETS), (5, N_TARGETS)
    measured, predicted = rng.standard_normal(shape), rng.standard_normal(shape)
    r = rng.uniform(size=N_TARGETS)
    names = (step.model, step.data, step.metric, step.protocol, key)
    index, alpha = np.zeros(folds, np.int64), np.ones(folds)
    return Detail(*names, targets, sounds, layers, measured, predicted, r, r**2, index, alpha)


def save_all(steps: list[Step], folder: Path) -> None:
    """Write results: those of the first model by `Results.save`, others as copies of its text.

    Copies have the names and numbers of their own, and no arrays, which the tables do not need.
    """
    first = [step for step in steps if step.model == steps[0].model]
    texts = []
    for place, step in enumerate(first):
        made = folder / RUNS / f"{step.name}-{place:016x}"
        made_up(step, place).save(made)
        texts.append((made / FILE).read_text(encoding="utf-8"))
    rng = np.random.default_rng(0)
    for place, step in enumerate(steps[len(first) :], len(first)):
        text = texts[place % len(first)].replace(first[0].model, step.model)
        text = text.replace(key_of(place % len(first)), key_of(place))
        parts = text.split('"value": 0.')
        digits = rng.integers(10**15, 10**16, len(parts))
        text = parts[0] + "".join(
            f'"value": 0.{number}{part.lstrip("0123456789")}'
            for number, part in zip(digits, parts[1:], strict=False)
        )
        made = folder / RUNS / f"{step.name}-{place:016x}"
        made.mkdir()
        (made / FILE).write_text(text, encoding="utf-8")


def keep_some(result: Results, places: list[Path]) -> None:
    for i, place in enumerate(places):
        keep(result, place.with_name(f"new{i}"))


def forecast_of(steps: list[Step], n_workers: int, bandwidth: float) -> Forecast:
    """Return how the study goes on workers with 8 cores and a GPU each.

    Models are those of the published study, in turn; datasets have 165 sounds of 2 s and 10,000
    voxels of 8 listeners; tasks are the six of HEAR, with the published probes.
    """
    voxels = DataSize(
        165, 330.0, 10_000, audio_bytes=3e7, response_bytes=8.0 * 165 * 10_000 * 3, n_brains=8
    )
    tasks = [data_size(spec) for spec in TASKS.values() if spec.plan is not None][:N_TASKS]
    sizes = [model_size(name) for name in PUBLISHED]
    jobs = jobs_of(steps, {step.model for step in steps})
    pieces = []
    for job in jobs:
        step = steps[job.steps[0]]
        model = sizes[int(step.model.removeprefix("model")) % len(sizes)]
        data = tasks[int(step.data.removeprefix("task"))] if step.probes else voxels
        cost = extraction(model, data) if job.extracts else analysis(step, model, data)
        of_model = (step.model, loading(model)) if job.extracts else ("", NOTHING)
        on_gpu = (job.extracts or step.probes) and model.parameters > 0
        pieces.append(Piece(cost, *of_model, step.data, opening(data), on_gpu))
    workers = [Worker(cores=8, gpu=True)] * n_workers
    return forecast(jobs, pieces, workers, Conditions(CORE_SPEED, bandwidth=bandwidth))


def predict(n_models: int) -> None:
    """Print forecasts: with all tasks and without, on more workers, and a faster file system."""
    steps = steps_of(n_models)
    brains = [step for step in steps if not step.probes]
    print(f"{'':34}{'hours':>8}{'busy':>7}{'GPUs':>7}{'cores':>7}{'TB':>8}{'GB':>6}  held up by")
    for what, chosen, n_workers, bandwidth in (
        ("brains and tasks, 64 GPUs, 1 GB/s", steps, 64, 1e9),
        ("brains and tasks, 64 GPUs, 5 GB/s", steps, 64, 5e9),
        ("brains and tasks, 256 GPUs, 5 GB/s", steps, 256, 5e9),
        ("brains, 64 GPUs, 1 GB/s", brains, 64, 1e9),
        ("brains, 64 GPUs, 5 GB/s", brains, 64, 5e9),
    ):
        found = forecast_of(chosen, n_workers, bandwidth)
        bounds = ", ".join(f"{name} {value / 3600:.2g} h" for name, value in found.bounds.items())
        print(
            f"{what:34}{found.seconds / 3600:8.1f}{found.busy:7.0%}{found.gpus:7.0%}"
            f"{found.cores:7.0%}{found.bytes_moved / 1e12:8.1f}{found.memory / 1e9:6.1f}  {bounds}",
            flush=True,
        )


def main(n_models: int) -> None:
    predict(n_models)
    print(f"{'':58}{'wall, s':>10}{'cpu, s':>10}{'GB':>8}")
    steps = timed(f"{n_models} models: steps of the study", lambda: steps_of(n_models))
    jobs = timed("divided into jobs", lambda: jobs_of(steps, {step.model for step in steps}))
    timed(f"{len(jobs)} jobs: all decisions", lambda: carry_out(steps))
    run = index_of(steps)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        timed(f"index of {len(steps)} results: written", lambda: run.save(folder))
        timed("index read", lambda: load_run(folder))
        timed(f"{len(steps)} results put on disk", lambda: save_all(steps, folder))
        some = [folder / RUNS / name for name in run.runs[:: max(1, len(steps) // SOME)]]
        scale = len(steps) / len(some)
        timed(
            f"{len(some)} results by Results.save, as for all",
            lambda: [
                made_up(steps[0], i).save(folder / "saved" / str(i)) for i in range(len(some))
            ],
            times=scale,
        )
        timed(
            f"{len(some)} kept beside all others, as for all",
            lambda: keep_some(made_up(steps[0], 0), some),
            times=scale,
        )
        timed("all names of results", lambda: sum(1 for _ in (folder / RUNS).iterdir()))
        timed(
            f"{len(some)} looked at by is_whole, as for all",
            lambda: [is_whole(folder / "saved" / str(i)) for i in range(len(some))],
            times=scale,
        )
        timed("scores of all read and merged", lambda: run.results(folder, only_scores=True))
        timed("tables written", lambda: write_tables(run, folder))
        sizes = [
            one.stat().st_size
            for one in itertools.chain(folder.glob("*.*"), folder.glob("tables/*"))
        ]
        print(f"index and tables: {sum(sizes) / 1e6:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
