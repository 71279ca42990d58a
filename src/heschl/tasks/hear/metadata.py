"""``task_metadata.json``: what a task in the HEAR layout says of itself.

Facts on the layout: github.com/hearbenchmark/hear-preprocess, ``pipeline.py`` and
``util/task_config.py``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from heschl.errors import InputError
from heschl.tasks.task import FEWEST_FOLDS, TRAIN_VALID_TEST, Prediction
from heschl.tasks.wording import few

METADATA = "task_metadata.json"

#: Names of scores in the release, and ours; chroma_acc and the scores of events are passed over.
SCORES = {
    "top1_acc": "accuracy",
    "pitch_acc": "accuracy",
    "mAP": "mAP",
    "d_prime": "d_prime",
    "aucroc": "auc",
}
_LONGEST_NAME = 255  # bytes, of a file on any system
_MODES = ("trainvaltest", "presplit_kfold", "new_split_kfold")


@dataclass(frozen=True)
class Metadata:
    """What a task says of itself.

    Attributes
    ----------
    prediction : {"multiclass", "multilabel"}
    folds : bool
    splits : tuple of str
    duration : float or None
        Of the clips in seconds; None: they differ.
    units : tuple of str
        Scores, the official one first.
    citation, licence : str
        Not in the release; a user may add them.
    """

    prediction: Prediction
    folds: bool
    splits: tuple[str, ...]
    duration: float | None
    units: tuple[str, ...]
    citation: str
    licence: str


def read_metadata(folder: Path) -> Metadata:
    """Read ``task_metadata.json`` in the folder of a task.

    Raises
    ------
    InputError
        If it is damaged, of a kind of task that is no classification of clips, or says something
        that cannot be.
    """
    path = folder / METADATA
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {_short(content)}; expected an object")
    if content.get("embedding_type") != "scene":
        raise InputError(
            f"{path}: embedding_type is {content.get('embedding_type')!r}; expected 'scene': tasks "
            "that label moments within a clip ('event') are not for probes of whole clips"
        )
    prediction = content.get("prediction_type")
    if prediction not in ("multiclass", "multilabel"):
        raise InputError(
            f"{path}: prediction_type is {prediction!r}; expected 'multiclass' or 'multilabel'"
        )
    folds, splits = _splits(content, folder)
    return Metadata(
        prediction=prediction,
        folds=folds,
        splits=splits,
        duration=_duration(content, path),
        units=_units(content, path),
        citation=str(content.get("citation", "")),
        licence=str(content.get("licence", "")),
    )


def read_json(path: Path) -> Any:
    """Read a JSON file of a task; no name may occur twice in an object.

    Raises
    ------
    InputError
        If it cannot be read, or is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: damaged ({error}); expected JSON in UTF-8: copy or download it again"
        ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"{few(name for name, n in counts.items() if n > 1)} occurs twice")
    return found


def is_plain_name(name: object) -> bool:
    """Whether something names a file or folder in the folder where it is looked for, on any system.

    Paths, absolute or leading elsewhere, are none.
    """
    return (
        isinstance(name, str)
        and name not in ("", ".", "..")
        and "\0" not in name
        and PureWindowsPath(name).name == name
        and len(name.encode(errors="surrogatepass")) <= _LONGEST_NAME
    )


def _is_split(name: object) -> bool:
    """Whether something may be the name of a split, whose file of labels ends with ``.json``."""
    return is_plain_name(name) and is_plain_name(f"{name}.json")


def release_named(content: object) -> str | None:
    """Return the name of a release by its metadata, task-version-mode; None if one is missing."""
    if not isinstance(content, dict):
        return None
    parts = [content.get(key) for key in ("task_name", "version", "mode")]
    return "-".join(map(str, parts)) if all(isinstance(part, str) for part in parts) else None


def _splits(content: Mapping[str, Any], folder: Path) -> tuple[bool, tuple[str, ...]]:
    """Return whether there are folds, and the names of the splits."""
    path, mode, names = folder / METADATA, content.get("split_mode"), content.get("splits")
    if mode is not None and mode not in _MODES:
        raise InputError(f"{path}: split_mode is {mode!r}; expected one of {_MODES}")
    if names is None:
        names = _names_of_mode(content, folder)
    if not isinstance(names, list) or not names or not all(map(_is_split, names)):
        raise InputError(f"{path}: splits are {_short(names)}; expected a list of names")
    if mode == "trainvaltest" or (mode is None and set(names) == set(TRAIN_VALID_TEST)):
        _check_train_valid_test(names, path)
        return False, TRAIN_VALID_TEST
    _check_folds(names, content.get("nfolds"), path)
    return True, tuple(names)


def _names_of_mode(content: Mapping[str, Any], folder: Path) -> Sequence[str]:
    """Names of the splits by how they were made, or by their files."""
    mode, n_folds = content.get("split_mode"), content.get("nfolds")
    there = [path.stem for path in folder.glob("*.json")]
    if mode == "trainvaltest" or (mode is None and set(TRAIN_VALID_TEST) <= set(there)):
        return list(TRAIN_VALID_TEST)
    if isinstance(n_folds, int) and 0 < n_folds < 1000:
        return [f"fold{i:02d}" for i in range(n_folds)]
    folds = sorted((name for name in there if re.fullmatch(r"fold\d+", name)), key=_by_number)
    if folds:
        return folds
    raise InputError(
        f"{folder}: neither train.json, valid.json and test.json nor fold00.json, fold01.json ... "
        "are there; expected a file of labels for each split"
    )


def _by_number(name: str) -> int:
    return int(name.removeprefix("fold"))


def _check_train_valid_test(names: Sequence[str], path: Path) -> None:
    if sorted(names) != sorted(TRAIN_VALID_TEST):
        raise InputError(f"{path}: splits are {names}; expected train, valid and test")


def _check_folds(names: Sequence[str], n_folds: object, path: Path) -> None:
    if len(set(names)) < len(names) or len(names) < FEWEST_FOLDS:
        raise InputError(
            f"{path}: splits are {names}; expected at least {FEWEST_FOLDS} folds, each named once"
        )
    if n_folds is not None and n_folds != len(names):
        raise InputError(f"{path}: nfolds is {n_folds!r}, but {len(names)} splits are named")


def _duration(content: Mapping[str, Any], path: Path) -> float | None:
    value = content.get("sample_duration", "missing")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or (is_number and 0 < value < 86_400):
        return None if value is None else float(value)
    raise InputError(
        f"{path}: sample_duration is {value!r}; expected seconds, more than 0, or null if the "
        "clips differ"
    )


def _units(content: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """Return the scores that are known; a clip with many labels has no top one to be right."""
    names = content.get("evaluation")
    listed = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    units = dict.fromkeys(SCORES[name] for name in listed if name in SCORES)
    if content.get("prediction_type") == "multilabel":
        units.pop("accuracy", None)
    if not units:
        raise InputError(
            f"{path}: evaluation is {_short(names)}; expected a list with at least one of "
            f"{', '.join(SCORES)} (of mAP, d_prime and aucroc if clips have several labels)"
        )
    return tuple(units)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]} ..."
