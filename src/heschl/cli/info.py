"""Facts on one model or dataset, as the command ``heschl info`` shows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from heschl.brain import DATASETS, load_dataset
from heschl.models import MODELS, load_model

Info = tuple[dict[str, Any], tuple[str, ...], list[tuple[Any, ...]]]


def model_info(name: str) -> Info:
    """Facts on a model, and one row per layer: name, shape for two seconds of sound, features."""
    spec, model = MODELS[name], load_model(name)
    noise = np.random.default_rng(0).standard_normal(3 * model.sample_rate).astype(np.float32)
    longer, shorter = model(0.1 * noise), model(0.1 * noise[: 2 * model.sample_rate])
    rows = []
    for layer, output in shorter.items():
        shape = output.shape[1:]
        frames = longer[layer].shape[-1] - shape[-1]  # of one second more
        rate = f"{frames}" if frames else "averaged"
        size = " x ".join(map(str, shape))
        rows.append((layer, size, rate, int(np.prod(shape[:-1]))))
    facts = {
        "name": name,
        "family": spec.family,
        "what it is": spec.summary,
        "sample rate": f"{model.sample_rate} Hz",
        "level": "as recorded" if model.level is None else f"rms {model.level}, mean removed",
        "licence": spec.licence,
        "source": spec.citation,
    }
    return facts, ("layer", "shape for 2 s", "frames per s", "features"), rows


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
