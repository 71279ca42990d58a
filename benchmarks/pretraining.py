"""What watching costs: alignment beside the steps of the published training, and loading of sounds.

One optimiser step of EnCodecMAE base as published (128 crops of 4 s, EnCodec's codes; here in parts
of 8 and in single precision, with a codec of random weights, which takes as long as any), then one
measurement of alignment with the components of the 165 sounds where they are on this machine, else
with the embedded brain; then crops loaded by one worker beside what steps take.

Run: python benchmarks/pretraining.py [FOLDER OF SOUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

EVERY = 1000  # steps from one measurement to the next
RECIPE = """\
name: bench
data: {{sources: ["{sounds}"], workers: 1}}
encodec: {codec}
network: base
training: {{parts: 16, precision: "32", accelerator: cpu}}
"""


def made_up(folder: Path) -> Path:
    """Write stereo recordings of two minutes at 44.1 kHz, as long ones are found."""
    import soundfile

    rng = np.random.default_rng(0)
    folder.mkdir()
    for i in range(4):
        soundfile.write(folder / f"{i}.flac", 0.1 * rng.standard_normal((120 * 44_100, 2)), 44_100)
    return folder


def codec(folder: Path) -> Path:
    """Write an EnCodec at 24 kHz with random weights, in its official layout."""
    from transformers import EncodecConfig, EncodecFeatureExtractor, EncodecModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    EncodecModel(EncodecConfig()).save_pretrained(folder)
    EncodecFeatureExtractor().save_pretrained(folder)
    return folder


def seconds_of_loading(index: Any, crop: float, n: int = 6) -> float:
    """Return seconds a batch takes to come from one worker, once it runs."""
    from heschl.pretrain.data.loading import batches

    options: dict[str, Any] = {"seed": 0, "batch_size": 128, "crop_seconds": crop, "workers": 1}
    loaded = batches(index, first_step=0, last_step=n + 1, **options)
    next(loaded)
    began = time.perf_counter()
    for _ in range(n):
        next(loaded)
    loaded.close()
    return (time.perf_counter() - began) / n


def seconds_of_alignment(model: Any, n: int = 3) -> tuple[str, float]:
    """Return what was measured, and the median of seconds that a measurement takes."""
    from heschl.brain import load_dataset
    from heschl.dynamics import Alignment
    from heschl.errors import FetchError

    try:
        data = load_dataset("natsound165")
    except FetchError:
        data = load_dataset("synthetic")
    with tempfile.TemporaryDirectory() as folder:
        alignment = Alignment(data, every=1, folder=folder, metrics=("rsa", "regression"))
        times = []
        for step in range(n + 1):
            began = time.perf_counter()
            alignment(model, step)
            times.append(time.perf_counter() - began)
    return f"{data.name}, {len(data.sounds)} sounds, rsa and regression", statistics.median(
        times[1:]
    )


def main() -> None:
    from heschl.models.encodecmae.model import in_training
    from heschl.pretrain import read_recipe
    from heschl.pretrain.data import index_sources
    from heschl.pretrain.data.loading import batches
    from heschl.pretrain.engine import launch
    from heschl.pretrain.making import make, n_parameters, optimizer_of, sources
    from heschl.pretrain.stepping import Stepper

    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        sounds = Path(sys.argv[1]).resolve() if sys.argv[1:] else made_up(root / "sounds")
        path = root / "recipe.yaml"
        path.write_text(RECIPE.format(sounds=sounds, codec=codec(root / "codec")), "utf-8")
        file = read_recipe(path)
        recipe = file.description
        index = index_sources(sources(file))
        made = make(file, root, index)
        fabric = launch(recipe.training)
        network, optimizer = fabric.setup(made.network, optimizer_of(recipe, made.network))
        stepper = Stepper(recipe, made, fabric, network, optimizer)
        loaded = batches(
            index, seed=0, batch_size=128, first_step=0, last_step=2, crop_seconds=4.0, workers=1
        )
        times = []
        for batch in loaded:
            began = time.perf_counter()
            stepper.step(batch)
            times.append(time.perf_counter() - began)
        step = min(times)
        what, alignment = seconds_of_alignment(in_training(made.network, made.config, "bench"))
        loading = seconds_of_loading(index, recipe.data.crop)
    print(f"{n_parameters(made.network) / 1e6:.1f} million parameters, on {fabric.device}")
    print(f"a step of 128 crops of 4 s: {step:.1f} s")
    print(f"a measurement ({what}): {alignment:.2f} s")
    print(
        f"every {EVERY:,} steps: {alignment / (EVERY * step):.4%} of the training (target: < 5 %)"
    )
    print(f"a batch from one worker: {loading:.2f} s, {128 / loading:.0f} crops/s")
    print(f"loading beside a step: {loading / step:.2%} (under 100 %: steps never wait)")
    print(f"steps that one worker feeds: from {loading:.2f} s on")


if __name__ == "__main__":
    main()
