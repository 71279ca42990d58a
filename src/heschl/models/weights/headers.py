"""The header of a safetensors file: names and metadata, without torch."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from heschl.errors import InputError
from heschl.pickles.records import shown


def safetensors_index(path: Path) -> tuple[list[str], dict[str, str]]:
    """Return the names of the tensors of a safetensors file, and its metadata.

    Raises
    ------
    InputError
        If it is no whole safetensors file, or has two tensors of one name.
    """
    try:
        with safe_open(path, framework="np") as file:
            names, metadata = list(file.keys()), dict(file.metadata() or {})
        _check_names(path)
    except (OSError, SafetensorError, RuntimeError, ValueError, TypeError) as error:
        raise no_safetensors(path, error) from error
    return names, metadata


def no_safetensors(path: Path, error: Exception) -> InputError:
    """Say that a file is no whole safetensors file."""
    return InputError(f"{path}: no whole safetensors file ({error}); fetch or convert it again")


def _check_names(path: Path) -> None:
    """Refuse names that are there twice, of which the library takes the last."""
    with path.open("rb") as stream:
        (n_bytes,) = struct.unpack("<Q", stream.read(8))
        json.loads(stream.read(n_bytes), object_pairs_hook=_without_repeats)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"two entries are named {shown(name)!r}")
        found[name] = value
    return found
