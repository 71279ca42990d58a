"""Labels: the vocabulary, and which clip of a split has which of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.tasks.hear.metadata import is_plain_name, read_json
from heschl.tasks.wording import few

VOCABULARY = "labelvocabulary.csv"
_MOST_DIGITS = 9  # of an index

Labels = Mapping[str, tuple[str, ...]]
"""Labels of each clip of a split, by the name of its file, in the order of the split."""


def read_vocabulary(folder: Path) -> tuple[str, ...]:
    """Read the classes in the order of their index.

    Raises
    ------
    InputError
        If ``labelvocabulary.csv`` is damaged, or its indices are not 0, 1, 2 ..., each with a label
        of its own.
    """
    path = folder / VOCABULARY
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, strict=True)
            rows = [(row.get("idx"), row.get("label")) for row in reader]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: damaged ({error}); expected comma-separated text in UTF-8: copy or download "
            "it again"
        ) from error
    by_index = {_index(idx): label for idx, label in rows}
    labels = [label for label in by_index.values() if label]
    whole = set(by_index) == set(range(len(rows))) and len(by_index) == len(rows)
    if not rows or not whole or len(set(labels)) < len(rows):
        shown = few(f"{idx},{label}" for idx, label in rows)
        raise InputError(
            f"{path}: {len(rows)} rows ({shown}); expected the columns idx and label, with the "
            "indices 0, 1, 2 ... and a label of its own for each"
        )
    return tuple(str(by_index[i]) for i in range(len(rows)))


def _index(cell: str | None) -> int | None:
    is_number = cell is not None and cell.isascii() and cell.isdigit()
    return int(cell) if cell is not None and is_number and len(cell) <= _MOST_DIGITS else None


def read_labels(path: Path) -> Labels:
    """Read the labels of a split, as text.

    Parameters
    ----------
    path : Path
        Its JSON file: ``{file name: [label, ...]}``.

    Raises
    ------
    InputError
        If it is damaged, if a name leads out of the folder of the split, or if a label is neither
        text nor a number.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(x, list) for x in content.values()):
        raise InputError(
            f"{path}: holds something else than lists of labels by file name, such as "
            '{"dog.wav": ["bark"]}'
        )
    strays = [repr(name) for name in content if not is_plain_name(name)]
    if strays:
        raise InputError(
            f"{path}: {len(strays)} names of files are no plain names ({few(strays)}); expected "
            "those of files in the folder of the split"
        )
    found = {name: tuple(map(_as_text, labels)) for name, labels in content.items()}
    bad = [name for name, labels in found.items() if None in labels]
    if bad:
        raise InputError(
            f"{path}: {len(bad)} clips have a label that is neither text nor a number ({few(bad)})"
        )
    return {name: tuple(str(label) for label in labels) for name, labels in found.items()}


def _as_text(label: object) -> str | None:
    """Return a label as the vocabulary has it: pitches are numbers here and text there."""
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    if isinstance(label, bool) or not isinstance(label, str | int | float):
        return None
    return str(label)


def encode(splits: Mapping[str, Labels], classes: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Return for each split which clip has which class, (n_clips, n_classes).

    Raises
    ------
    InputError
        If a label is not in the vocabulary.
    """
    column = {label: k for k, label in enumerate(classes)}
    unknown = [
        f"{split}/{name}: {label!r}"
        for split, labels in splits.items()
        for name, found in labels.items()
        for label in found
        if label not in column
    ]
    if unknown:
        raise InputError(
            f"{len(unknown)} labels are not in the vocabulary ({few(unknown)}); expected those of "
            f"{VOCABULARY}"
        )
    encoded = {}
    for split, labels in splits.items():
        encoded[split] = np.zeros((len(labels), len(classes)), np.bool_)
        for row, found in enumerate(labels.values()):
            encoded[split][row, [column[label] for label in found]] = True
    return encoded
