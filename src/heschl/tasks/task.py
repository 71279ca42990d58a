"""What every task is: labelled clips in splits, an official score, and who trains on what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.sounds import Sounds
from heschl.tasks.wording import few

Prediction = Literal["multiclass", "multilabel"]

#: Names of the splits of a task that has no folds.
TRAIN_VALID_TEST = ("train", "valid", "test")
#: Test and validation fold, and one to train on.
FEWEST_FOLDS = 3
#: Scores that a task can ask for.
UNITS = ("accuracy", "mAP", "d_prime", "auc")


@dataclass(frozen=True)
class TaskSplit:
    """Labelled clips that are used together.

    Attributes
    ----------
    name : str
        "train", "valid", "test", or that of a fold.
    sounds : Sounds
        Clips in the order of the split's file of labels.
    labels : ndarray of bool, shape (n_clips, n_classes)
        Which classes a clip belongs to: exactly one if the task is multiclass, any number if it is
        multilabel.
    """

    name: str
    sounds: Sounds
    labels: NDArray[np.bool_] = field(repr=False)


@dataclass(frozen=True)
class Round:
    """One training, and what it is validated and tested on.

    Attributes
    ----------
    train : tuple of str
        Names of splits.
    valid, test : str
        Names of splits.
    """

    train: tuple[str, ...]
    valid: str
    test: str


@dataclass(frozen=True)
class Task:
    """Labelled clips in splits, and how predictions of their labels are scored.

    Attributes
    ----------
    name : str
    prediction : {"multiclass", "multilabel"}
        Whether every clip has exactly one label, or any number of them.
    classes : tuple of str
        In the order of the columns of the labels.
    splits : mapping of str to TaskSplit
        "train", "valid" and "test", or the folds in their order.
    folds : bool
        Whether the splits are folds, each of which is tested once.
    units : tuple of str
        The scores it asks for, the official one first, of `UNITS`.
    duration : float or None
        Of the clips in seconds; None: each is as long as it was recorded.
    citation, licence : str
    source : mapping
        Where it comes from: URL, hashes; JSON-ready, goes into the provenance of results.
    left_out : tuple of str
        "split/file: reason" of clips that cannot be read and were left out.
    audio : mapping of int to Path
        The folders that have the clips below ``split/file``, by their sample rate in Hz; empty
        where the clips are in memory.

    Raises
    ------
    InputError
        If these do not fit each other, or if a class is absent from a training set.
    """

    name: str
    prediction: Prediction
    classes: tuple[str, ...] = field(repr=False)
    splits: Mapping[str, TaskSplit] = field(repr=False)
    folds: bool
    units: tuple[str, ...]
    duration: float | None
    citation: str = field(default="", repr=False)
    licence: str = field(default="", repr=False)
    source: Mapping[str, object] = field(default_factory=dict, repr=False)
    left_out: tuple[str, ...] = field(default=(), repr=False)
    audio: Mapping[int, Path] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        _check_description(self)
        for name, split in self.splits.items():
            _check_split(self, name, split)
        _check_labels(self)
        _check_names(self)
        _check_training(self)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def n_clips(self) -> int:
        """Number of clips in all splits."""
        return sum(len(split.sounds) for split in self.splits.values())

    def rounds(self) -> tuple[Round, ...]:
        """Return the trainings: one, or one for each fold.

        With folds, fold i is the test set and fold i + 1 the validation set, the first following
        the last; all others are trained on.
        """
        names = tuple(self.splits)
        if not self.folds:
            return (Round((names[0],), names[1], names[2]),)
        return tuple(_round_of_fold(names, i) for i in range(len(names)))

    def at_rate(
        self,
        sample_rate: int,
        *,
        skip_bad: bool = False,
        show_progress: bool = True,
        n_jobs: int | None = None,
    ) -> Task:
        """Return the task with all clips checked, and at a sample rate.

        Files of that rate are used as they are. Where there are none, those of the highest rate are
        resampled, each once: the results are kept below ``HESCHL_HOME`` for the next model of that
        rate. What was found out about a file is kept too, so it is not read for that again unless
        its size or time has changed.

        Parameters
        ----------
        sample_rate : int
            In Hz.
        skip_bad : bool, optional
            Leave out clips that cannot be read, and list them in ``left_out``, instead of refusing
            the first.
        show_progress : bool, optional
        n_jobs : int, optional
            Threads; every core by default.

        Returns
        -------
        Task

        Raises
        ------
        UsageError
            If ``sample_rate`` or ``n_jobs`` is less than 1.
        AudioError
            If a clip is missing, damaged, cut short, or not finite; the first is named.
        InputError
            If without the clips that are left out a split is empty, or a class is absent from a
            training set.
        StoreError
            If what is to be kept cannot be written.
        """
        from heschl.tasks.preparing import prepare  # which makes tasks itself

        return prepare(
            self, sample_rate, skip_bad=skip_bad, show_progress=show_progress, n_jobs=n_jobs
        )


def _round_of_fold(names: Sequence[str], i: int) -> Round:
    valid = names[(i + 1) % len(names)]
    train = tuple(name for name in names if name not in (names[i], valid))
    return Round(train, valid, names[i])


def _check_description(task: Task) -> None:
    """Refuse what no task is."""
    if task.prediction not in get_args(Prediction):
        raise InputError(
            f"{task.name}: prediction is {task.prediction!r}; expected one of "
            f"{get_args(Prediction)}"
        )
    if len(task.classes) < 2 or len(set(task.classes)) < len(task.classes):
        raise InputError(
            f"{task.name}: {len(task.classes)} classes, {len(set(task.classes))} of them different "
            f"({few(task.classes)}); expected at least two, each once"
        )
    names = tuple(task.splits)
    if task.folds and len(names) < FEWEST_FOLDS:
        raise InputError(
            f"{task.name}: {len(names)} folds; expected at least {FEWEST_FOLDS}: one each to test, "
            "validate and train on"
        )
    if not task.folds and names != TRAIN_VALID_TEST:
        raise InputError(
            f"{task.name}: the splits are {names}; expected {TRAIN_VALID_TEST}, or folds"
        )
    unknown = [unit for unit in task.units if unit not in UNITS]
    if unknown or not task.units:
        raise InputError(f"{task.name}: units are {task.units}; expected some of {UNITS}")
    if task.duration is not None and not task.duration > 0:
        raise InputError(f"{task.name}: duration is {task.duration} s; expected more than 0")


def _check_split(task: Task, name: str, split: TaskSplit) -> None:
    """Refuse labels that are not those of its clips."""
    shape, expected = split.labels.shape, (len(split.sounds), len(task.classes))
    if split.name != name or split.labels.dtype != np.bool_ or shape != expected:
        raise InputError(
            f"{task.name}: split {name!r} is named {split.name!r} and has labels of type "
            f"{split.labels.dtype} and shape {shape}; expected bool (n_clips, n_classes) = "
            f"{expected}"
        )
    if split.sounds.duration != task.duration:
        raise InputError(
            f"{task.name}: the sounds of split {name!r} last {split.sounds.duration} s; expected "
            f"{task.duration} s as all of the task"
        )


def _check_labels(task: Task) -> None:
    """Refuse a multiclass task with clips of no label, or several."""
    if task.prediction != "multiclass":
        return
    wrong = [
        f"{name}/{split.sounds[int(i)].name}: {split.labels[i].sum()}"
        for name, split in task.splits.items()
        for i in np.flatnonzero(split.labels.sum(axis=1) != 1)
    ]
    if wrong:
        raise InputError(
            f"{task.name}: {len(wrong)} clips have other than one label ({few(wrong)}); expected "
            "exactly one, as the task is multiclass"
        )


def _check_names(task: Task) -> None:
    """Refuse a clip in two splits: the test would be on what was trained on."""
    home: dict[str, str] = {}
    twice = []
    for split in task.splits.values():
        for name in split.sounds.names:
            if name in home:
                twice.append(f"{name} in {home[name]} and {split.name}")
            home[name] = split.name
    if twice:
        raise InputError(
            f"{task.name}: {len(twice)} files are in two splits ({few(twice)}); expected every "
            "file in one"
        )


def _check_training(task: Task) -> None:
    """Refuse a task with a class that cannot be learned."""
    absent = [
        f"{task.classes[k]!r} when {found.test!r} is tested"
        for found in task.rounds()
        for k in _absent_classes([task.splits[name] for name in found.train])
    ]
    if absent:
        raise InputError(
            f"{task.name}: {len(absent)} times a class has no clip in a training set "
            f"({few(absent)}); expected every class in each"
        )


def _absent_classes(splits: Sequence[TaskSplit]) -> Iterator[int]:
    present = np.any([split.labels.any(axis=0) for split in splits], axis=0)
    yield from np.flatnonzero(~present).tolist()
