"""Facts on one model, dataset or task, as the command ``heschl info`` shows them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from heschl.brain import DATASETS, load_dataset
from heschl.errors import InputError
from heschl.models import MODELS, AudioModel, ModelSpec, outline
from heschl.models.references import parse
from heschl.tasks import TASKS, load_task
from heschl.tasks.hear.metadata import METADATA

Info = tuple[dict[str, Any], tuple[str, ...], list[tuple[Any, ...]]]

SECONDS = 2.0  # for which shapes are shown
SHORTER = 1.5  # the difference tells how many frames come in a second


def is_model(name: str) -> bool:
    """Whether a text names a model, be it one of the table or a user's own."""
    reference = parse(name)
    return reference.kind != "zoo" or reference.target in MODELS


def is_task(name: str) -> bool:
    """Whether a text names a task: one of the table, or a folder in the HEAR layout."""
    return name in TASKS or (Path(name) / METADATA).is_file()


def model_info(name: str) -> Info:
    """Facts on a model, and one row per layer in order of execution."""
    reference, model = parse(name), outline(name)
    facts: dict[str, Any] = {"name": name}
    spec = MODELS[reference.target] if reference.kind == "zoo" else None
    if spec is not None:
        facts |= {"family": spec.family, "what it is": spec.summary}
        facts |= {"also called": ", ".join(spec.aliases)} if spec.aliases else {}
    facts["sample rate"] = f"{model.sample_rate} Hz"
    facts["level"] = model.level_in_words()
    facts |= _network_facts(model)
    if spec is not None and not reference.control and not reference.file:
        facts |= _training_facts(spec)
    if spec is not None:
        facts["licence"] = spec.licence
        if spec.weights is not None:
            from heschl.models import weights

            facts |= weights.facts(spec)
        facts["source"] = spec.citation
    columns = ("layer", "shape for 2 s", "frames per s", "features", "pooling")
    return facts, columns, _layer_rows(model)


def _network_facts(model: AudioModel) -> dict[str, Any]:
    n_parameters = getattr(model, "n_parameters", None)
    if n_parameters is None:
        return {}
    facts: dict[str, Any] = {"parameters": f"{n_parameters():,}"}
    chunk_samples = getattr(model, "chunk_samples", None)
    if chunk_samples is not None:
        seconds = chunk_samples / model.sample_rate
        facts["long clips"] = f"in pieces of {seconds:g} s"
    return facts


def _training_facts(spec: ModelSpec) -> dict[str, Any]:
    """Say what published weights learned from; of a hand-built model nothing."""
    training = spec.training
    if training is None or training.kind == "hand-built":
        return {}
    hours = "" if training.hours is None else f" ({training.hours:,} hours)"
    return {"training": training.kind, "trained on": f"{training.data}{hours}"}


def _layer_rows(model: AudioModel) -> list[tuple[Any, ...]]:
    long = _shapes(model, SECONDS)
    try:
        short = _shapes(model, SHORTER)
    except InputError:  # some take hardly less
        short = None
    rows = []
    for layer, shape in long.items():
        name = layer if layer in model.layers else f"{layer} (on request)"
        size = " x ".join(map(str, shape))
        rate = _frame_rate(None if short is None else short[layer][-1], shape[-1])
        rows.append((name, size, rate, math.prod(shape[:-1]), model.pooling(layer)))
    return rows


def _frame_rate(n_short: int | None, n_long: int) -> str:
    if n_long == 1:
        return "-"
    if n_short is None:
        return f"about {n_long / SECONDS:.0f}"
    rate = (n_long - n_short) / (SECONDS - SHORTER)
    return f"{rate:g}" if rate else "fixed"


def _shapes(model: AudioModel, seconds: float) -> dict[str, tuple[int, ...]]:
    """Shape of every layer, extra ones too, for one sound."""
    n_samples = round(seconds * model.sample_rate)
    if hasattr(model, "shapes"):
        return dict(model.shapes(n_samples))
    noise = 0.05 * np.random.default_rng(0).standard_normal((1, n_samples), dtype=np.float32)
    return {x: output.shape[1:] for x, output in model(noise, model.every_layer()).items()}


def dataset_info(name: str) -> Info:
    """Facts on a dataset, and one row per category of sounds."""
    data = load_dataset(name)
    categories = [category or "-" for category in data.sounds.categories]
    rows = [(category, categories.count(category)) for category in dict.fromkeys(categories)]
    facts = {
        "name": data.name,
        "kind": data.kind,
        "what it is": DATASETS[name].summary if name in DATASETS else "your own folder",
        "sounds": f"{len(data.sounds)} of {data.sounds.duration:g} s",
        "targets": data.n_targets,
        "repeats": data.n_repeats,
        "folds": int(data.folds.max()) + 1,
        "licence": data.licence,
        "source": data.citation,
    }
    return facts, ("category", "sounds"), rows


def task_info(name: str) -> Info:
    """Facts on a task, and one row per class; of one that is not here, what is known of it."""
    spec = TASKS.get(name)
    facts: dict[str, Any] = {"name": name if spec is None else spec.name}
    if spec is not None:
        facts |= {"what it is": spec.summary, "audio": spec.size(), "official score": spec.unit}
        if spec.plan is not None and (planned := spec.plan()).todo:
            facts |= {"here": f"no: {planned.summary()}"}
            facts |= {"licence": spec.licence, "source": spec.citation}
            return facts, ("class", "clips"), []
    task = load_task(name)
    clips = {split: len(one.sounds) for split, one in task.splits.items()}
    facts |= {
        "prediction": task.prediction,
        "scores": ", ".join(task.units),
        "clips": ", ".join(f"{split} {n}" for split, n in clips.items()),
        "duration": "as recorded" if task.duration is None else f"{task.duration:g} s",
        "licence": task.licence or "-",
        "source": task.citation or "-",
    }
    labels = np.concatenate([one.labels for one in task.splits.values()])
    rows = [(label, int(n)) for label, n in zip(task.classes, labels.sum(axis=0), strict=True)]
    return facts, ("class", "clips"), rows
