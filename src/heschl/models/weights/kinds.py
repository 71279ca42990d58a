"""Whether what came can be the released file at all, before its hash is pinned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from heschl.errors import FetchError, InputError
from heschl.fetch import RemoteFile
from heschl.models.weights.headers import safetensors_index
from heschl.pickles.torch_file import is_torch_file, read_torch_file

_CHECKPOINTS = frozenset({".pt", ".pth", ".ckpt", ".bin"})


def checked(file: RemoteFile) -> RemoteFile:
    """Return a file with a check of its kind, where it has none and no hash is published.

    The page of a portal, or half of a file, is then refused and not pinned.
    """
    if file.check is not None or file.sha256 is not None:
        return file
    suffix = file.path.suffix
    if suffix in _CHECKPOINTS:
        return replace(file, check=check_checkpoint)
    if suffix == ".safetensors":
        return replace(file, check=check_safetensors)
    return replace(file, check=check_json) if suffix == ".json" else file


def check_checkpoint(path: Path) -> None:
    """Refuse what is no whole checkpoint of torch; whatever it names is let pass.

    Raises
    ------
    FetchError
    """
    with path.open("rb") as stream:
        head = stream.read(16)
    if not is_torch_file(head):
        raise FetchError(f"it begins with {head[:8]!r}; expected a checkpoint of torch")
    try:
        read_torch_file(path, any_name=True)
    except InputError as error:
        raise FetchError(f"as a checkpoint of torch it {error}") from error


def check_safetensors(path: Path) -> None:
    """Refuse what is no whole safetensors file.

    Raises
    ------
    FetchError
    """
    try:
        safetensors_index(path)
    except InputError as error:
        raise FetchError(f"no whole safetensors file ({error.__cause__})") from error


def check_json(path: Path) -> None:
    """Refuse what is no JSON.

    Raises
    ------
    FetchError
    """
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FetchError(f"no JSON ({error})") from error
