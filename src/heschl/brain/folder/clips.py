"""The sounds of a folder: their files, order, categories, folds and duration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heschl import audio
from heschl.brain.folder import tables
from heschl.brain.folder.folds import check_folds, stratified_folds
from heschl.errors import InputError
from heschl.sounds import Clip, Sounds

COLUMNS = ("sound", "category", "fold")
TOLERANCE = 1e-3  # s, by which the durations of files may differ to count as one


def find_sounds(folder: Path) -> dict[str, Path]:
    """Return the sound files in ``sounds/`` by name (file stem), sorted.

    Raises
    ------
    InputError
        If there are none, or two of one name.
    """
    found: dict[str, Path] = {}
    place = folder / "sounds"
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        if path.suffix.lower() not in audio.SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise InputError(
                f"{place}: {found[path.stem].name} and {path.name} have the same name; a sound is "
                "known by its file's name without the suffix: rename or remove one"
            )
        found[path.stem] = path
    if not found:
        raise InputError(
            f"{place}: no sounds; expected files ending in {', '.join(audio.SUFFIXES)}"
        )
    return dict(sorted(found.items()))


def read_sound_table(folder: Path) -> tuple[list[Clip], NDArray[np.int64]]:
    """Find the sounds; read their order, categories and folds from ``sounds.csv`` if it is there.

    Returns
    -------
    clips : list of Clip
    folds : ndarray of int, shape (n_sounds,)
        As given, or five drawn by `stratified_folds`.

    Raises
    ------
    InputError
        If the table does not name exactly the sounds that are there, or its folds are not usable.
    """
    files = find_sounds(folder)
    path = folder / "sounds.csv"
    if not path.is_file():
        clips = [Clip(name, file) for name, file in files.items()]
        return clips, stratified_folds([None] * len(clips), str(folder))
    table = tables.read_columns(path)
    _check_sound_table(path, table, list(files))
    names = table["sound"]
    categories = [cell or None for cell in table.get("category", [""] * len(names))]
    clips = [
        Clip(name, files[name], category) for name, category in zip(names, categories, strict=True)
    ]
    if "fold" not in table:
        return clips, stratified_folds(categories, str(folder))
    folds = tables.whole_numbers(table["fold"], "fold", path)
    check_folds(folds, str(path))
    return clips, folds


def _check_sound_table(path: Path, table: dict[str, list[str]], files: Sequence[str]) -> None:
    """Refuse a table of sounds with other columns, or with other sounds than those found."""
    unknown = [column for column in table if column not in COLUMNS]
    if "sound" not in table or unknown:
        raise InputError(
            f"{path}: has the columns {list(table)}; expected 'sound' and optionally 'category' "
            "and 'fold'"
        )
    tables.check_same_names(
        found=table["sound"],
        expected=files,
        where=str(path),
        what="sound",
        missing="has no row for",
        remedy="give one row to each file in sounds/, by its name without the suffix",
    )


def make_sounds(clips: Sequence[Clip], *, duration: float | None) -> Sounds:
    """Put clips together to checked sounds of one duration in seconds; None: as long as they are.

    Raises
    ------
    AudioError
        If one is missing, damaged, cut short, not finite, or silent.
    InputError
        If no duration is given and they differ.
    """
    if duration is None:
        duration = common_duration(Sounds(clips, duration=1.0))  # whatever: nothing is fitted to it
    sounds = Sounds(clips, duration=duration)
    sounds.check()
    return sounds


def common_duration(sounds: Sounds) -> float:
    """Return the duration in seconds that all files have, to within 1 ms (their median).

    Raises
    ------
    InputError
        If they differ; the shortest and the longest are named.
    """
    durations = [facts.n_samples / facts.sample_rate for facts in sounds.facts]
    short, long = int(np.argmin(durations)), int(np.argmax(durations))
    if durations[long] - durations[short] > TOLERANCE:
        raise InputError(
            f"sounds differ in duration: {sounds[short].name!r} lasts {durations[short]:.3f} s, "
            f"{sounds[long].name!r} {durations[long]:.3f} s; give a duration in dataset.json, such "
            'as {"duration": 2.0}: longer sounds are cut at the end, shorter ones padded with zeros'
        )
    return float(np.median(durations))
