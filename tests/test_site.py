"""The site of a study: its numbers, its files, and what hostile names cannot do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from heschl.linking import link
from heschl.report.site import Failure, write_site
from heschl.results import Profile, Results, merge, score_table
from test_report import HOSTILE, component_results, make_sounds, voxel_results
from test_report_probes import probe_results

#: Name, family, training, control, base, parameters, hours, and how good a model is made to be.
MODELS = (
    ("encodecmae-base", "encodecmae", "self-supervised", None, None, 30e6, 200e3, 1.3),
    ("encodecmae-small", "encodecmae", "self-supervised", None, None, 12e6, 200e3, 0.8),
    ("encodecmae-large", "encodecmae", "self-supervised", None, None, 180e6, 200e3, 1.6),
    ("beats-iter3", "BEATs", "self-supervised", None, None, 90e6, 5800.0, 1.1),
    ("beats-iter3-ft", "BEATs", "supervised", None, None, 90e6, 5800.0, 1.25),
    ("dasheng-base", "Dasheng", "self-supervised", None, None, 85e6, 272e3, 1.2),
    ("ast", "AST", "supervised", None, None, 86e6, 5800.0, 0.9),
    ("cochcnn9-word", "cochdnn", "supervised", None, None, 60e6, 500.0, -0.1),
    ("cochcnn9-speaker", "cochdnn", "supervised", None, None, 60e6, 500.0, -0.6),
    ("wav2vec2", "wav2vec2", "supervised", None, None, 94e6, 960.0, 0.1),
    ("vggish", "VGGish", "supervised", None, None, 72e6, 350e3, 0.2),
    ("spectrotemporal", "hand-built", "hand-built", None, None, None, None, -0.9),
    ("melspectrogram", "hand-built", "hand-built", None, None, None, None, -1.6),
    ("encodecmae-base@random:0", "encodecmae", None, "random", "encodecmae-base", 30e6, None, -1.2),
    ("beats-iter3@permuted:0", "BEATs", None, "permuted", "beats-iter3", 90e6, None, -1.4),
)
#: The models that have details: a component dataset, voxels, probes.
DETAILED = ("encodecmae-base", "spectrotemporal")
TASKS = {"esc50": "accuracy", "gtzan": "accuracy", "fsd50k": "mAP"}
REGIONS = (None, "Anterior", "Lateral", "Posterior", "Primary")
COMPONENTS = ("lowfreq", "highfreq", "envsounds", "pitch", "speech", "music")
TITLE = "Fifteen models, heard and compared"


def traits(models=MODELS):
    columns = ["model", "family", "training", "control", "base", "parameters", "hours"]
    return pd.DataFrame([one[:7] for one in models], columns=columns)


def made_up_rows(models=MODELS, tasks=TASKS, brains=("regression", "rsa"), seed=1):
    """Scores without details: on six components, on voxels, and on tasks."""
    rng = np.random.default_rng(seed)
    rows = []

    def add(model, dataset, metric, unit, value, *, target="all", region=None, **more):
        width = 0.04 + 0.03 * rng.random()
        scope = "dataset" if target == "all" else "target"
        rows.append(
            {"model": model, "dataset": dataset, "metric": metric, "protocol": "pepino2025"}
            | {"scope": scope, "target": target, "region": region, "layer": "blocks.3"}
            | {"value": value, "unit": unit, "low": value - width, "high": value + 0.9 * width}
            | {"n_sounds": 165, "provenance": f"{dataset}-{metric}-{model}"} | more
        )  # fmt: skip

    for name, *_, skill in models:
        if "regression" in brains:
            for region in REGIONS:
                value = 0.3 + 0.06 * skill + 0.015 * rng.standard_normal()
                add(name, "voxels4", "regression", "r2", value, region=region, ceiling=0.62)
            for component in COMPONENTS:
                value = 0.55 + 0.08 * skill + 0.05 * rng.standard_normal()
                add(name, "natsound165", "regression", "r2", value, target=component)
        if "rsa" in brains:
            value = 0.4 + 0.07 * skill + 0.02 * rng.standard_normal()
            add(name, "voxels4", "rsa", "rho", value, ceiling=0.7)
        for task, unit in tasks.items():
            value = 0.6 + 0.13 * skill + 0.05 * rng.standard_normal()
            add(name, task, "probe", unit, min(value, 0.98))
    return rows


def record_of(row):
    """The record of one made-up score, as a study writes it."""
    record = {
        "environment": {"heschl": "0.1.0", "numpy": "2.4.6", "python": "3.11.7"},
        "metric": row["metric"],
        "protocol": {"name": "pepino2025", "version": 1, "citation": "Pepino (2025). arXiv:2511.16849"},
        "uncertainty": {"n_bootstrap": 1000, "seed": 0, "level": 0.95},
        "model": {"model": row["model"], "identity": {"weights_sha256": "ef" * 32}},
    }
    if row["metric"] == "probe":
        record["task"] = {"name": row["dataset"], "prediction": "multiclass", "classes": ["a", "b"]}
        record["task"] |= {"n_clips": {"train": 90, "test": 30}, "licence": "CC BY"}
        record["task"] |= {"citation": "Piczak (2015)", "sounds_sha256": "cd" * 32}
    else:
        kind = "components" if row["dataset"] == "natsound165" else "voxels"
        record["dataset"] = {"name": row["dataset"], "kind": kind, "n_sounds": 165, "n_targets": 6}
        record["dataset"] |= {"citation": "Norman-Haignere (2015). https://doi.org/10.1016/j.neuron"}
        record["dataset"] |= {"ceiling": "none: there is one response a sound"}
        record["dataset"] |= {"sounds_sha256": "ab" * 32, "responses_sha256": "12" * 32}
    return record


def made_up_profile(model, dataset="voxels4", metric="rsa", unit="rho", n_layers=8):
    rng = np.random.default_rng(len(model))
    groups = pd.DataFrame(
        [{"listener": f"s{i}", "region": region} for region in REGIONS for i in range(4)]
    )
    shape = np.sin(np.linspace(0.4, 2.4, n_layers))
    scores = 0.4 * shape + 0.03 * rng.standard_normal((len(groups), n_layers))
    layers = tuple(f"blocks.{i}" for i in range(n_layers))
    return Profile(
        model, dataset, metric, "pepino2025", f"{dataset}-{metric}-{model}", unit, groups, layers,
        scores, np.full(len(groups), 0.7),
    )  # fmt: skip


def detailed(model):
    """Components and voxels with predictions, layers, and probes, of one model."""
    weak = 1.0 if model == DETAILED[0] else 0.6
    r2 = weak * np.array((0.7412, 0.5678, 0.4634, 0.5391, 0.7187, 0.3312))
    found = [component_results(model=model, r2=r2), voxel_results(model=model)]
    found += [
        probe_results(
            model=model, task=task, n_folds=5 if task == "esc50" else 0, n_clips=100,
            skill=2 * weak**3, seed=len(task),
        )
        for task in ("esc50", "gtzan")
    ]  # fmt: skip
    return merge(found)


def study_results(models=MODELS, details=DETAILED, **options):
    """Results of many models, of which a few have details."""
    rows = made_up_rows(models, **options)
    provenance = {row["provenance"]: record_of(row) for row in rows}
    table = score_table(rows)
    # What has details replaces what was made up of the same analysis.
    behind = merge([detailed(name) for name in details]) if details else None
    if behind is None:
        return Results(table, provenance)
    keys = ["model", "dataset", "metric", "protocol"]
    there = set(behind.scores[keys].itertuples(index=False, name=None))
    kept = [key not in there for key in table[keys].itertuples(index=False, name=None)]
    profiles = tuple(made_up_profile(name) for name in details)
    made_up = Results(table[kept], provenance, profiles=profiles)
    # voxels of test_report have no region rows, which made-up ones have
    return merge([made_up, behind])


FAILURES = (
    Failure("vggish", "voxels4", "rsa", "pepino2025", "MemoryError: 3 GB are needed"),
    Failure("cochresnet50-word", "voxels4", "regression", "pepino2025", "FetchError: no <weights>"),
)
SPECS = {
    name: {
        "summary": f"{name}, made up for a test", "family": family, "training": training,
        "licence": "MIT", "citation": "Author (2024), arXiv 2309.07391", "parameters": parameters,
    }
    for name, family, training, _, _, parameters, _, _ in MODELS
}  # fmt: skip
COMMANDS = {
    name: (
        f"heschl score {name} --dataset natsound165 voxels4 --metric regression rsa",
        f"heschl probe {name} --task esc50 gtzan fsd50k",
    )
    for name, *_ in MODELS
}
STUDY = "study: made-up\ntitle: <b>Fifteen</b> models\nmodels: [encodecmae-base]\n"


def write_made_up(folder, results=None, **options):
    results = study_results() if results is None else results
    linked = link(results, traits(), n_bootstrap=200)
    settings = {
        "title": TITLE, "sounds": {"natsound165": make_sounds(duration=0.5)}, "study": STUDY,
        "failures": FAILURES, "commands": COMMANDS, "specs": SPECS,
    }  # fmt: skip
    return write_site(results, linked, folder, **settings | options)
