"""The files of sound, held against the labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from heschl import audio
from heschl.errors import InputError
from heschl.tasks.wording import few


def find_rates(folder: Path, splits: Sequence[str]) -> dict[int, Path]:
    """Return the folders with audio, by their sample rate in Hz, the highest first.

    Raises
    ------
    InputError
        If there is none.
    """
    found = {
        int(path.name): path
        for path in folder.iterdir()
        if path.name.isascii() and path.name.isdigit() and int(path.name) > 0
        if any(_has_sounds(path / split) for split in splits)
    }
    if not found:
        raise InputError(
            f"{folder}: no audio; expected a folder named by a sample rate, such as 48000, with "
            f"one folder for each split ({few(splits)})"
        )
    return dict(sorted(found.items(), reverse=True))


def _has_sounds(folder: Path) -> bool:
    return next(_files(folder, sounds_only=True), None) is not None


def _files(folder: Path, *, sounds_only: bool) -> Iterator[str]:
    """Names of the files of a folder, in no order; none if it is not there."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not sounds_only or is_sound(entry.name):
                    yield entry.name
    except (FileNotFoundError, NotADirectoryError):
        return


def is_sound(name: str) -> bool:
    """Whether a name is one of a file of sound; those that begin with a dot are the system's."""
    return name.lower().endswith(audio.SUFFIXES) and not name.startswith(".")


def check_present(folder: Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Refuse labels of missing files.

    Parameters
    ----------
    folder : Path
        Of one sample rate.
    splits : mapping of str to sequence of str
        Names of the labelled files of each split.

    Raises
    ------
    InputError
        It names the first few.
    """
    missing = []
    for split, names in splits.items():
        there = set(_files(folder / split, sounds_only=False))
        missing += [f"{split}/{name}" for name in names if name not in there]
    if missing:
        raise InputError(
            f"{folder}: {len(missing)} files that have labels are missing ({few(missing)}); copy "
            "or download the task again, or take their labels out"
        )


def check_labelled(folder: Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Refuse files of sound without labels; parameters and errors as of `check_present`."""
    unlabelled = []
    for split, names in splits.items():
        more = set(_files(folder / split, sounds_only=True)) - set(names)
        unlabelled += [f"{split}/{name}" for name in sorted(more)]
    if unlabelled:
        raise InputError(
            f"{folder}: {len(unlabelled)} files have no labels ({few(unlabelled)}); expected one "
            "entry in the JSON file of the split for each: add it, or remove the file"
        )
