"""The embedded tasks, each made once per process from fixed seeds."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache

import numpy as np

from heschl.sounds import Clip, Sounds
from heschl.tasks import synthetic
from heschl.tasks.synthetic.signals import KINDS, SAMPLE_RATE, mix
from heschl.tasks.task import Task, TaskSplit

CLASSES = tuple(KINDS)
REVISION = 1  # to be raised whenever a sound changes

#: Clips of each class in each split of ``synthetic-tones``.
PER_CLASS = {"train": 30, "valid": 10, "test": 10}
#: ``synthetic-mixtures``: folds, and durations of clips in seconds and how many sounds are at once.
FOLDS = tuple(f"fold{i:02d}" for i in range(5))
PER_FOLD = 40
DURATIONS = (0.5, 0.75, 1.0)
MOST_AT_ONCE = 3


@cache
def tones() -> Task:
    """Make ``synthetic-tones``; see `heschl.tasks.synthetic`."""
    splits = {}
    for split, n in PER_CLASS.items():
        names = [f"{kind}_{i:02d}" for i in range(n) for kind in CLASSES]
        kinds = [[kind] for _ in range(n) for kind in CLASSES]
        clips = [_clip(f"{split}_{name}", k, 1.0) for name, k in zip(names, kinds, strict=True)]
        splits[split] = _split(split, clips, kinds, 1.0)
    return Task(
        name=synthetic.TONES.name,
        prediction="multiclass",
        classes=CLASSES,
        splits=splits,
        folds=False,
        units=("accuracy", "mAP", "d_prime", "auc"),
        duration=1.0,
        citation=synthetic.TONES.citation,
        licence=synthetic.TONES.licence,
        source=_source(),
    )


@cache
def mixtures() -> Task:
    """Make ``synthetic-mixtures``; see `heschl.tasks.synthetic`."""
    splits = {}
    for fold in FOLDS:
        rng = _generator(fold)
        kinds = [_some(rng) for _ in range(PER_FOLD)]
        clips = [
            _clip(f"{fold}_{i:02d}", found, DURATIONS[i % len(DURATIONS)])
            for i, found in enumerate(kinds)
        ]
        splits[fold] = _split(fold, clips, kinds, None)
    return Task(
        name=synthetic.MIXTURES.name,
        prediction="multilabel",
        classes=CLASSES,
        splits=splits,
        folds=True,
        units=("mAP", "d_prime", "auc"),
        duration=None,
        citation=synthetic.MIXTURES.citation,
        licence=synthetic.MIXTURES.licence,
        source=_source(),
    )


def _generator(name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))


def _some(rng: np.random.Generator) -> list[str]:
    """Draw which kinds are heard at once: none to three."""
    n = int(rng.integers(MOST_AT_ONCE + 1))
    return [CLASSES[k] for k in sorted(rng.choice(len(CLASSES), n, replace=False))]


def _clip(name: str, kinds: Sequence[str], seconds: float) -> Clip:
    """Make one clip from nothing but its name, which is the seed, and its kinds."""
    waveform = mix(_generator(name), kinds, seconds)
    return Clip(name, (waveform, SAMPLE_RATE), kinds[0] if len(kinds) == 1 else None)


def _split(
    name: str, clips: Sequence[Clip], kinds: Sequence[Sequence[str]], duration: float | None
) -> TaskSplit:
    labels = np.array([[kind in found for kind in CLASSES] for found in kinds])
    return TaskSplit(name, Sounds(clips, duration=duration, may_be_silent=True), labels)


def _source() -> dict[str, object]:
    return {"generator": "heschl.tasks.synthetic", "revision": REVISION}
