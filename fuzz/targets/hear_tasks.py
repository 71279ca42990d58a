"""Tasks in the HEAR layout: metadata, vocabulary, labels. InputError is all that may come."""

from __future__ import annotations

import json
from pathlib import Path

import places
from heschl.errors import InputError
from heschl.tasks import Task, hear

SPLITS = ("train", "valid", "test", "fold00", "fold01", "fold02")
KINDS = "abc"
METADATA = {
    "task_name": "small",
    "embedding_type": "scene",
    "prediction_type": "multiclass",
    "split_mode": "trainvaltest",
    "splits": ["train", "valid", "test"],
    "sample_duration": 1.0,
    "evaluation": ["top1_acc", "mAP"],
}
LABELS = {split: {f"{kind}-{split}.wav": [kind] for kind in KINDS} for split in SPLITS}
#: A whole task; an input replaces some of its files.
FILES = {
    "task_metadata.json": json.dumps(METADATA).encode(),
    "labelvocabulary.csv": b"idx,label\n0,a\n1,b\n2,c\n",
    **{f"{split}.json": json.dumps(LABELS[split]).encode() for split in SPLITS},
}
FOLDER = places.ROOT / "task"


def _prepare() -> None:
    for split in SPLITS:
        place = FOLDER / "48000" / split
        place.mkdir(parents=True, exist_ok=True)
        for clip in LABELS[split]:
            (place / clip).touch()


def check(content: bytes) -> None:
    """Read a task of which some files are those of the input."""
    if not FOLDER.is_dir():
        _prepare()
    places.write(FOLDER, FILES | places.parts(content), FILES)
    try:
        task = hear.load(FOLDER)
    except InputError:
        return
    _check_task(task)


def _check_task(task: Task) -> None:
    """Hold a task against its files, read once more with nothing of heschl."""
    for name, split in task.splits.items():
        labels = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8-sig"))
        if split.sounds.names != tuple(labels) or split.labels.shape != (
            len(labels),
            task.n_classes,
        ):
            raise AssertionError(f"{name}: {split.sounds.names}, {split.labels.shape}; {labels}")
        for row, said in zip(split.labels, labels.values(), strict=True):
            marked = {task.classes[k] for k in row.nonzero()[0]}
            expected = {
                str(int(x)) if isinstance(x, float) and x == int(x) else str(x) for x in said
            }
            if marked != expected:
                raise AssertionError(f"{name}: {marked}; expected {expected}")
    for path in (clip.source for split in task.splits.values() for clip in split.sounds):
        if not isinstance(path, Path) or FOLDER not in path.parents:
            raise AssertionError(f"{path} lies outside of the task")
