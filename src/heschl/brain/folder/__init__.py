"""A user's own dataset: a folder of sounds and a file of responses.

The layout is documented in docs/your-own-dataset.md. Everything that can be checked without
decoding sounds is checked first.
"""

from __future__ import annotations

from pathlib import Path

from heschl.brain.dataset import BrainDataset, check_responses
from heschl.brain.folder.clips import make_sounds, read_sound_table
from heschl.brain.folder.description import read_description
from heschl.brain.folder.responses import find_responses, read_responses
from heschl.brain.folder.targets import align, read_target_table
from heschl.errors import InputError
from heschl.store import file_sha256


def load(path: str | Path) -> BrainDataset:
    """Read a folder with sounds and responses.

    Parameters
    ----------
    path : str or Path
        A folder with ``sounds/``, one of ``responses.csv``, ``.parquet``, ``.nc`` or ``.npy``, and
        optionally ``targets.csv``, ``sounds.csv`` and ``dataset.json``.

    Returns
    -------
    BrainDataset
        Sounds in the order of sounds.csv, else sorted by name; targets in the order of targets.csv,
        else as in the file of responses. ``source`` holds the folder's name and the SHA-256 of the
        file of responses.

    Raises
    ------
    InputError
        If a file is missing, unreadable or does not fit the others; the message says which.
    AudioError
        If a sound is unreadable, damaged, not finite or silent.
    MissingDependencyError
        If Parquet or NetCDF is to be read without the packages for it.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one with sounds/ and responses")
    description = read_description(folder)
    clips, folds = read_sound_table(folder)
    file = find_responses(folder)
    responses = read_responses(file)
    if responses.sounds is None and not (folder / "sounds.csv").is_file():
        raise InputError(
            f"{folder}: {file.name} has no names of sounds; give their order in sounds.csv"
        )
    targets = read_target_table(folder, responses)
    names = [clip.name for clip in clips]
    values = align(responses, names, targets["target"].tolist(), where=file)
    check_responses(values, len(clips), description.name)
    sounds = make_sounds(clips, duration=description.duration)
    return BrainDataset(
        name=description.name,
        kind=description.kind,
        sounds=sounds,
        responses=values,
        targets=targets,
        folds=folds,
        citation=description.citation,
        licence=description.licence,
        source={"folder": folder.resolve().name, "responses_sha256": file_sha256(file)},
    )
