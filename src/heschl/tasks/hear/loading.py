"""A task in the HEAR layout, read and checked before anything long begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heschl import store
from heschl.errors import InputError
from heschl.sounds import Clip, Sounds
from heschl.tasks.hear.clips import check_labelled, check_present, find_rates
from heschl.tasks.hear.labels import VOCABULARY, Labels, encode, read_labels, read_vocabulary
from heschl.tasks.hear.metadata import METADATA, Metadata, read_metadata
from heschl.tasks.task import Task, TaskSplit
from heschl.tasks.wording import few

#: How far below a given folder the folder of the task may be.
DEEPEST = 4


def load(
    path: str | Path,
    *,
    name: str | None = None,
    citation: str | None = None,
    licence: str | None = None,
    source: Mapping[str, object] | None = None,
) -> Task:
    """Read a task in the HEAR layout.

    Labels, metadata and the names of the files are checked against each other; no sound is read.

    Parameters
    ----------
    path : str or Path
        The folder that has ``task_metadata.json``, ``labelvocabulary.csv``, ``<split>.json`` and
        ``<rate>/<split>/<file>``, or one above it.
    name : str, optional
        Of the task; that of its folder by default.
    citation, licence : str, optional
        Those of its metadata by default.
    source : mapping, optional
        Where it comes from; the name of its folder by default. The hashes of its files of metadata
        and labels are added.

    Returns
    -------
    Task
        With the files of the highest sample rate there is.

    Raises
    ------
    InputError
        If there is no such folder, or what is in it does not fit together.
    """
    folder = find_folder(Path(path))
    metadata = read_metadata(folder)
    classes = read_vocabulary(folder)
    splits = _read_splits(folder, metadata)
    try:
        labels = encode(splits, classes)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None
    rates = find_rates(folder, metadata.splits)
    audio = next(iter(rates.values()))
    names = {split: tuple(found) for split, found in splits.items()}
    check_present(audio, names)
    check_labelled(audio, names)
    return Task(
        name=name or folder.resolve().name,
        prediction=metadata.prediction,
        classes=classes,
        splits=_task_splits(metadata, splits, labels, audio),
        folds=metadata.folds,
        units=metadata.units,
        duration=metadata.duration,
        citation=metadata.citation if citation is None else citation,
        licence=metadata.licence if licence is None else licence,
        source=dict(source or {"folder": folder.resolve().name}) | _hashes(folder, metadata),
        audio=rates,
    )


def find_folder(path: Path) -> Path:
    """Return the folder of the only task in a folder, at most `DEEPEST` levels below.

    Raises
    ------
    InputError
        If there is none, or several.
    """
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; expected one with {METADATA} in it")
    found = list(find_folders(path))
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"{path}: {len(found)} tasks are in it ({few(folder.name for folder in found)}); "
            "expected one: give the folder of the one you mean"
        )
    raise InputError(
        f"{path}: no task in it; expected the HEAR layout: a folder with {METADATA}, {VOCABULARY}, "
        "a JSON file of labels for each split, and the audio in RATE/SPLIT/FILE"
    )


def find_folders(path: Path, deepest: int = DEEPEST) -> Iterator[Path]:
    """Yield the folders of tasks in a folder, by name; what is in them is not looked through."""
    if (path / METADATA).is_file():
        yield path
    elif deepest:
        try:
            below = sorted(entry for entry in path.iterdir() if entry.is_dir())
        except PermissionError:
            return  # somebody else's folder among those of the user
        for folder in below:
            yield from find_folders(folder, deepest - 1)


def _read_splits(folder: Path, metadata: Metadata) -> dict[str, Labels]:
    missing = [
        f"{name}.json" for name in metadata.splits if not (folder / f"{name}.json").is_file()
    ]
    if missing:
        raise InputError(
            f"{folder}: {len(missing)} files of labels are missing ({few(missing)}); expected one "
            f"for each split that {METADATA} names"
        )
    splits = {name: read_labels(folder / f"{name}.json") for name in metadata.splits}
    empty = [name for name, labels in splits.items() if not labels]
    if empty:
        raise InputError(
            f"{folder}: {len(empty)} splits are empty ({few(empty)}); expected labelled clips in "
            "each"
        )
    return splits


def _task_splits(
    metadata: Metadata,
    splits: Mapping[str, Labels],
    encoded: Mapping[str, NDArray[np.bool_]],
    audio: Path,
) -> dict[str, TaskSplit]:
    single = metadata.prediction == "multiclass"
    found = {}
    for name, labels in splits.items():
        clips = [
            Clip(file, audio / name / file, label[0] if single and label else None)
            for file, label in labels.items()
        ]
        sounds = Sounds(clips, duration=metadata.duration, may_be_silent=True)
        found[name] = TaskSplit(name, sounds, encoded[name])
    return found


def _hashes(folder: Path, metadata: Metadata) -> dict[str, object]:
    files = [METADATA, VOCABULARY, *(f"{name}.json" for name in metadata.splits)]
    return {"files_sha256": {name: store.file_sha256(folder / name) for name in files}}
