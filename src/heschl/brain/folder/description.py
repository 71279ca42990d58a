"""What a user says of a dataset as a whole: ``dataset.json``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from heschl import store
from heschl.brain.dataset import Kind
from heschl.errors import InputError, quoted

#: Bytes of the file; seconds that a sound may last, because silence is added up to it; characters.
MOST_BYTES, LONGEST, LONGEST_NAME = 1_000_000, 86_400, 200


@dataclass(frozen=True)
class Description:
    """What ``dataset.json`` may say.

    Attributes
    ----------
    name : str
        By default the folder's.
    kind : {"voxels", "components", "electrodes"}
    citation, licence : str
    duration : float, optional
        Of the sounds in seconds; None: as long as the files are.
    """

    name: str
    kind: Kind = "voxels"
    citation: str = ""
    licence: str = ""
    duration: float | None = None


def read_description(folder: Path) -> Description:
    """Read ``dataset.json``, if there is one.

    Raises
    ------
    InputError
        If it is no JSON object, or has an unknown key or a value of another type.
    """
    path = folder / "dataset.json"
    if not path.is_file():
        return Description(folder.resolve().name)
    try:
        content = store.read_json(path, most_bytes=MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({quoted(error)})") from error
    known = tuple(Description.__dataclass_fields__)
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {_short(content)}; expected an object with any of {known}")
    unknown = [key for key in content if key not in known]
    if unknown:
        raise InputError(f"{path}: unknown key {_short(unknown[0])}; expected any of {known}")
    for key, value in content.items():
        _check_value(path, key, value)
    merged: dict[str, Any] = {"name": folder.resolve().name} | content
    return Description(**merged)


def _check_value(path: Path, key: str, value: Any) -> None:
    """Refuse a value of ``dataset.json`` that its key cannot have."""
    if key == "duration":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value <= LONGEST:
            raise InputError(
                f"{path}: duration is {_short(value)}; expected seconds, more than 0 and at most "
                f"{LONGEST:,}"
            )
    elif key == "kind":
        if value not in get_args(Kind):
            raise InputError(f"{path}: kind is {_short(value)}; expected one of {get_args(Kind)}")
    elif not isinstance(value, str) or (key == "name" and not 0 < len(value) <= LONGEST_NAME):
        at_most = f" of at most {LONGEST_NAME} characters" if key == "name" else ""
        raise InputError(f"{path}: {key} is {_short(value)}; expected text{at_most}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]} ..."
