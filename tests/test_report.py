"""The report page: its numbers, its figures, and what hostile names cannot do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heschl.results import Detail, Results, score_table
from heschl.sounds import Clip, Sounds

COMPONENTS = ("lowfreq", "highfreq", "envsounds", "pitch", "speech", "music")
PUBLISHED = dict(zip(COMPONENTS, (0.74, 0.57, 0.46, 0.54, 0.72, 0.33), strict=True))
CATEGORIES = ("Music", "Song", "EngSpeech", "EnvSound", "Mechanical")
PROTOCOL = "pepino2025"


def make_detail(
    targets, *, n_sounds=80, r2, model="spectrotemporal", dataset="natsound165", published=None
):
    """A detail whose measured and predicted responses correlate as ``r2`` says, exactly."""
    rng = np.random.default_rng(7)
    n = len(targets)
    r2 = np.asarray(r2, float)
    r = np.sqrt(r2)
    a = rng.standard_normal((n_sounds, n))
    a = (a - a.mean(0)) / a.std(0)
    b = rng.standard_normal((n_sounds, n))
    b -= b.mean(0)
    b -= a * (a * b).mean(0)
    b /= b.std(0)
    predicted = 0.8 * (r * a + np.sqrt(1 - r2) * b)
    measured = np.where(np.isnan(r2), np.nan, a)
    sounds = pd.DataFrame(
        {
            "sound": [f"stim{i:03d}" for i in range(n_sounds)],
            "category": [CATEGORIES[i % len(CATEGORIES)] for i in range(n_sounds)],
            "fold": np.arange(n_sounds) % 5,
        }
    )
    layer = np.where(np.isnan(r2), -1, np.arange(n) % 2)
    return Detail(
        model=model,
        dataset=dataset,
        metric="regression",
        protocol=PROTOCOL,
        provenance=f"key-{model}-{dataset}",
        targets=targets,
        sounds=sounds,
        layers=("filters", "power"),
        measured=measured,
        predicted=predicted,
        r=r,
        r2=r2,
        layer_index=np.tile(layer, (5, 1)),
        alpha=np.full((5, n), 0.5),
        published=published or {},
    )


def make_row(detail, scope, target, value, unit, *, ceiling=np.nan, stderr=np.nan, layer="filters"):
    return {
        "model": detail.model,
        "dataset": detail.dataset,
        "metric": detail.metric,
        "protocol": detail.protocol,
        "scope": scope,
        "target": target,
        "layer": layer,
        "value": value,
        "unit": unit,
        "ceiling": ceiling,
        "stderr": stderr,
        "n_sounds": len(detail.sounds),
        "provenance": detail.provenance,
    }


def make_results(details, rows, kind):
    provenance = {
        one.provenance: {
            "model": {"name": one.model, "weights": None},
            "dataset": {"name": one.dataset, "kind": kind, "responses_sha256": "ab" * 32},
            "protocol": {"name": one.protocol, "alphas": [0.01, 0.05, 0.1], "n_folds": 5},
            "versions": {"heschl": "0.0", "numpy": "2.0"},
        }
        for one in details
    }
    return Results(score_table(rows), provenance, tuple(details))


def component_results(
    *, r2=(0.7412, 0.5678, 0.4634, 0.5391, 0.7187, 0.3312), model="spectrotemporal",
    names=COMPONENTS, n_sounds=80, dataset="natsound165", published=None,
):  # fmt: skip
    """Six components of one model, with the published baseline."""
    if published is None:
        published = {"spectrotemporal": PUBLISHED}
    targets = pd.DataFrame({"target": list(names)})
    detail = make_detail(
        targets, r2=r2, model=model, n_sounds=n_sounds, dataset=dataset, published=published
    )
    rows = []
    for name, value, r in zip(names, detail.r2, detail.r, strict=True):
        rows.append(make_row(detail, "target", name, value, "r2"))
        rows.append(make_row(detail, "target", name, r, "r"))
    return make_results([detail], rows, "components")


def voxel_results(*, n_listeners=4, n_voxels=30, ceiling=0.8, n_left_out=2, model="spectrotemporal"):
    """Voxels of known ceiling in several listeners; the last ones were left out."""
    rng = np.random.default_rng(3)
    n = n_listeners * n_voxels
    listeners = np.repeat([f"s{i + 1}" for i in range(n_listeners)], n_voxels)
    regions = np.array(["Primary", "Lateral", "Posterior", "Anterior"])[np.arange(n) % 4]
    targets = pd.DataFrame(
        {"target": [f"voxel{i}" for i in range(n)], "listener": listeners, "region": regions}
    )
    r2 = np.clip(0.42 + 0.03 * (np.arange(n) // n_voxels) + 0.15 * rng.standard_normal(n), 0, 0.79)
    r2[n - n_left_out :] = np.nan
    detail = make_detail(targets, r2=r2, dataset="voxels4", model=model)
    rows, medians = [], []
    for i in range(n):
        rows.append(make_row(detail, "target", f"voxel{i}", r2[i], "r2", ceiling=ceiling))
        rows.append(make_row(detail, "target", f"voxel{i}", np.sqrt(r2[i]), "r"))
    for name in dict.fromkeys(listeners):
        medians.append(np.nanmedian(r2[listeners == name]))
        rows.append(make_row(detail, "listener", name, medians[-1], "r2", ceiling=ceiling))
    stderr = np.std(medians) / np.sqrt(n_listeners - 1)
    rows.append(
        make_row(detail, "dataset", "all", np.mean(medians), "r2", ceiling=ceiling, stderr=stderr)
    )
    return make_results([detail], rows, "voxels")


def make_sounds(n_sounds=80, *, duration=2.0, rate=44100):
    """Bursts of noise, faster from sound to sound."""
    rng = np.random.default_rng(5)
    t = np.arange(round(duration * rate)) / rate
    clips = []
    for i in range(n_sounds):
        envelope = 0.5 * (1 + np.sin(2 * np.pi * (1 + i / 4) * t))
        noise = 0.1 * envelope * rng.standard_normal(len(t))
        category = CATEGORIES[i % len(CATEGORIES)]
        clips.append(Clip(f"stim{i:03d}", (noise.astype(np.float32), rate), category))
    return Sounds(clips, duration=duration)
