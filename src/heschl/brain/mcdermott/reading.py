"""The published files: arrays, fields of tables, MATLAB structures, and the sounds."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl.brain import npy_file
from heschl.brain.mcdermott.manifest import stored_path
from heschl.brain.mcdermott.matlab import check_elements
from heschl.brain.mcdermott.release import N_SOUNDS, STIMULI, sound_path
from heschl.brain.natsound165.release import DURATION, released_sounds
from heschl.errors import InputError, quoted
from heschl.sounds import Clip, Sounds

_DAMAGED_MAT = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_npy(path: Path, *, lazily: bool = False) -> NDArray[Any]:
    """Read an array of the release; see `heschl.brain.npy_file.read_npy`."""
    return npy_file.read_npy(path, lazily=lazily, advice="bring the release again")


def read_mat(path: Path) -> dict[str, Any]:
    """Read a MATLAB file (version 5 to 7.2) with its cells and structures as arrays and dicts.

    Raises
    ------
    InputError
        If it is damaged, cut short, of another version, or holds more than `check_elements` allows.
    """
    from scipy.io import loadmat  # here: takes long to import
    from scipy.io.matlab import MatReadError

    try:
        check_elements(path.read_bytes())
        return dict(loadmat(path, simplify_cells=True))
    except (MatReadError, *_DAMAGED_MAT) as error:
        raise InputError(
            f"{path}: cannot be read as a MATLAB file ({quoted(error)}); bring the release again"
        ) from error


def field(table: NDArray[Any], name: str, path: Path) -> NDArray[Any]:
    """Return a field of a structured array; bytes as text.

    Raises
    ------
    InputError
        If there is none of that name, or it is no text of one kind.
    """
    names = table.dtype.names or ()
    if name not in names or table.ndim != 1:
        raise InputError(
            f"{path}: shape {table.shape}, fields {', '.join(names) or 'none'}; expected one "
            f"dimension and the field {name!r}"
        )
    return as_text(table[name], path)


def as_text(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Return an array with bytes decoded, as UTF-8."""
    if values.dtype.kind != "S":
        return values
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: holds text that is no UTF-8 ({error})") from error


def sound_names() -> tuple[str, ...]:
    """Return the names of the 165 sounds in the order of the release."""
    return tuple(sound.name for sound in released_sounds())


def folds() -> NDArray[np.int64]:
    """Return the fold of each of the 165 sounds."""
    return np.array([sound.fold for sound in released_sounds()], np.int64)


def read_sounds() -> Sounds:
    """Return the 165 sounds of the release with their categories; no waveform is read.

    Raises
    ------
    InputError
        If the release lists other sounds, or in another order.
    """
    path = stored_path(STIMULI)
    table = read_npy(path)
    listed = [str(name).removesuffix(".wav") for name in field(table, "filename", path)]
    categories = [str(category) for category in field(table, "cat_assignment", path)]
    check_names(listed, path)
    return Sounds(
        [
            Clip(name, stored_path(sound_path(name)), category)
            for name, category in zip(listed, categories, strict=True)
        ],
        duration=DURATION,
    )


def check_names(names: Sequence[str], path: Path) -> None:
    """Refuse other sounds than the 165, or another order of them.

    Raises
    ------
    InputError
        It gives the first that differs.
    """
    if len(names) != N_SOUNDS:
        raise InputError(f"{path}: lists {len(names)} sounds; expected {N_SOUNDS}")
    for row, (found, expected) in enumerate(zip(names, sound_names(), strict=True)):
        if found != expected:
            raise InputError(
                f"{path}: sound {row} is {found!r}; expected {expected!r}. The rows of the "
                "responses follow the published order of the sounds, so nothing can be matched"
            )
