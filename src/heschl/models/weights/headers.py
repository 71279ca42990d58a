"""The header of a safetensors file: names and metadata, without torch."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from heschl.errors import InputError


def safetensors_index(path: Path) -> tuple[list[str], dict[str, str]]:
    """Return the names of the tensors of a safetensors file, and its metadata.

    Raises
    ------
    InputError
        If it is no whole safetensors file.
    """
    try:
        with safe_open(path, framework="np") as file:
            return list(file.keys()), dict(file.metadata() or {})
    except (OSError, SafetensorError, RuntimeError, ValueError, TypeError) as error:
        raise no_safetensors(path, error) from error


def no_safetensors(path: Path, error: Exception) -> InputError:
    """Say that a file is no whole safetensors file."""
    return InputError(f"{path}: no whole safetensors file ({error}); fetch or convert it again")
