"""How large models and data are: from tables where they are known, else looked up."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from heschl.brain import BrainDataset, DatasetSpec
from heschl.models import facts, load_model
from heschl.sounds import Clip, Sounds
from heschl.tasks import Task, TaskSpec
from heschl.threads import one_blas_thread, torch_threads

#: Clips whose duration is looked up to tell that of a split.
SOME = 20
#: Networks reach this share of the speed of large matrix products.
EFFICIENCY = 0.7
SECONDS_OF_A_SOUND = 2.0  # of every dataset of the table
#: Bytes of a second of audio as it is released: 16 bits at 44.1 kHz, where no file can be asked.
AUDIO_BYTES = 88_200.0
REPETITIONS, LISTENERS = 3, 8  # of datasets of the table, about


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
    n_targets, n_brains : int
        Of a dataset: responses; listeners, in all and in each region, or one where none is known.
    n_train, n_classes, n_rounds : int
        Of a task.
    audio_bytes, response_bytes : float
        On disk; 0 of what is embedded.
    """

    n_sounds: int
    seconds: float
    n_targets: int = 0
    n_train: int = 0
    n_classes: int = 0
    n_rounds: int = 0
    audio_bytes: float = 0.0
    response_bytes: float = 0.0
    n_brains: int = 1


@functools.cache
def core_speed() -> float:
    """Return how many operations a second a core does here in products of large matrices."""
    x = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    taken = []
    with one_blas_thread():
        for _ in range(10):
            began = time.process_time()  # of this process alone: others may be using the machine
            x @ x
            taken.append(time.process_time() - began)
    return 2 * 1024**3 / min(taken)


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
    # processor time of one thread: others may be using the machine just now
    with one_blas_thread(), torch_threads(1):
        model.vectors(waveform)  # the first time, other things are loaded
        began = time.process_time()
        found = model.vectors(waveform)
        seconds = time.process_time() - began
    network = getattr(model, "network", None)
    return ModelSize(
        parameters=0 if network is None else sum(one.numel() for one in network.parameters()),
        layers=len(found),
        features=sum(array.shape[1] for array in found.values()),
        gflop=seconds / 2 * core_speed() * EFFICIENCY / 1e9,
    )


def data_size(data: BrainDataset | Task | DatasetSpec | TaskSpec) -> DataSize:
    """Return the size of data, or of what a table says of data that are not here."""
    if isinstance(data, DatasetSpec):
        seconds = data.n_sounds * SECONDS_OF_A_SOUND
        responses = 8.0 * data.n_sounds * data.n_targets * REPETITIONS
        return DataSize(
            data.n_sounds,
            seconds,
            data.n_targets,
            audio_bytes=AUDIO_BYTES * seconds,
            response_bytes=responses,
            n_brains=LISTENERS,
        )
    if isinstance(data, TaskSpec):
        share = 0.8 if data.n_rounds == 1 else 1 - 2 / data.n_rounds
        return DataSize(
            data.n_clips,
            data.seconds,
            n_train=round(share * data.n_clips),
            n_classes=data.n_classes,
            n_rounds=data.n_rounds,
            audio_bytes=AUDIO_BYTES * data.seconds,
        )
    if isinstance(data, BrainDataset):
        return DataSize(
            len(data.sounds),
            len(data.sounds) * _mean_duration(data.sounds),
            data.n_targets,
            audio_bytes=_audio_bytes(data.sounds),
            response_bytes=float(data.responses.nbytes),
            n_brains=_n_brains(data.targets),
        )
    rounds = data.rounds()
    return DataSize(
        data.n_clips,
        sum(len(one.sounds) * _mean_duration(one.sounds) for one in data.splits.values()),
        n_train=sum(len(data.splits[name].sounds) for name in rounds[0].train),
        n_classes=data.n_classes,
        n_rounds=len(rounds),
        audio_bytes=sum(_audio_bytes(one.sounds) for one in data.splits.values()),
    )


def _n_brains(targets: pd.DataFrame) -> int:
    listeners = int(targets["listener"].nunique()) if "listener" in targets else 1
    regions = int(targets["region"].nunique()) if "region" in targets else 0
    return max(1, listeners) * (1 + regions)


def _some(sounds: Sounds) -> Sequence[Clip]:
    return sounds.clips[:: max(1, len(sounds) // SOME)][:SOME]


def _audio_bytes(sounds: Sounds) -> float:
    """Return the bytes of the files of sounds; what is embedded has none."""
    places = [clip.source for clip in _some(sounds) if not isinstance(clip.source, tuple)]
    if not places:
        return 0.0
    return len(sounds) * float(np.mean([Path(place).stat().st_size for place in places]))


def _mean_duration(sounds: Sounds) -> float:
    """Return the duration of a sound in seconds, the mean over some where they differ."""
    if sounds.duration is not None:
        return sounds.duration
    return float(np.mean([_duration(clip) for clip in _some(sounds)]))


def _duration(clip: Clip) -> float:
    if isinstance(clip.source, tuple):
        return float(len(clip.source[0]) / clip.source[1])
    return float(soundfile.info(str(clip.source)).duration)
