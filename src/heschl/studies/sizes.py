"""How large models and data are: from tables where they are known, else looked up."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import soundfile

from heschl.brain import BrainDataset, DatasetSpec
from heschl.models import facts, load_model
from heschl.sounds import Clip, Sounds
from heschl.tasks import Task, TaskSpec

#: Clips whose duration is looked up to tell that of a split.
SOME = 20
#: Networks reach this share of the speed of large matrix products.
EFFICIENCY = 0.7
SECONDS_OF_A_SOUND = 2.0  # of every dataset of the table


@dataclass(frozen=True)
class ModelSize:
    """How large a model is.

    Attributes
    ----------
    parameters, layers, features : int
        Features: of all layers together.
    gflop : float
        Billions of operations for a second of sound.
    """

    parameters: int
    layers: int
    features: int
    gflop: float


@dataclass(frozen=True)
class DataSize:
    """How large a dataset or task is.

    Attributes
    ----------
    n_sounds : int
    seconds : float
        Of all sounds together.
    n_targets : int
        Of a dataset.
    n_train, n_classes, n_rounds : int
        Of a task.
    """

    n_sounds: int
    seconds: float
    n_targets: int = 0
    n_train: int = 0
    n_classes: int = 0
    n_rounds: int = 0


@functools.cache
def speed() -> float:
    """Return how many operations a second this machine does in products of large matrices."""
    x = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    taken = []
    for _ in range(10):
        began = time.perf_counter()
        x @ x
        taken.append(time.perf_counter() - began)
    return 2 * 1024**3 / min(taken)  # the best: others may be using the machine just now


def model_size(name: str) -> ModelSize:
    """Return the size of a model; one of which nothing is known is loaded and tried once."""
    known = asdict(facts(name))
    if known["gflop"] is None:
        return _tried(name)
    return ModelSize(**{one.name: known[one.name] for one in fields(ModelSize)})


@functools.cache
def _tried(name: str) -> ModelSize:
    model = load_model(name)
    noise = np.random.default_rng(0).standard_normal((1, 2 * model.sample_rate)) / 10
    waveform = noise.astype(np.float32)
    model.vectors(waveform)  # the first time, other things are loaded
    began = time.perf_counter()
    found = model.vectors(waveform)
    seconds = time.perf_counter() - began
    network = getattr(model, "network", None)
    return ModelSize(
        parameters=0 if network is None else sum(one.numel() for one in network.parameters()),
        layers=len(found),
        features=sum(array.shape[1] for array in found.values()),
        gflop=seconds / 2 * speed() * EFFICIENCY / 1e9,
    )


def data_size(data: BrainDataset | Task | DatasetSpec | TaskSpec) -> DataSize:
    """Return the size of data, or of what a table says of data that are not here."""
    if isinstance(data, DatasetSpec):
        return DataSize(data.n_sounds, data.n_sounds * SECONDS_OF_A_SOUND, data.n_targets)
    if isinstance(data, TaskSpec):
        share = 0.8 if data.n_rounds == 1 else 1 - 2 / data.n_rounds
        return DataSize(
            data.n_clips,
            data.seconds,
            n_train=round(share * data.n_clips),
            n_classes=data.n_classes,
            n_rounds=data.n_rounds,
        )
    if isinstance(data, BrainDataset):
        seconds = len(data.sounds) * _mean_duration(data.sounds)
        return DataSize(len(data.sounds), seconds, data.n_targets)
    rounds = data.rounds()
    return DataSize(
        data.n_clips,
        sum(len(one.sounds) * _mean_duration(one.sounds) for one in data.splits.values()),
        n_train=sum(len(data.splits[name].sounds) for name in rounds[0].train),
        n_classes=data.n_classes,
        n_rounds=len(rounds),
    )


def _mean_duration(sounds: Sounds) -> float:
    """Return the duration of a sound in seconds, the mean over some where they differ."""
    if sounds.duration is not None:
        return sounds.duration
    some: Sequence[Clip] = sounds.clips[:: max(1, len(sounds) // SOME)][:SOME]
    return float(np.mean([_duration(clip) for clip in some]))


def _duration(clip: Clip) -> float:
    if isinstance(clip.source, tuple):
        return float(len(clip.source[0]) / clip.source[1])
    return float(soundfile.info(str(clip.source)).duration)
