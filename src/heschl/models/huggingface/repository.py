"""The files that a model needs of a repository of the hub, or of a folder like one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from heschl.errors import FetchError, InputError
from heschl.fetch import RemoteFile
from heschl.models.weights.kinds import checked

CONFIG = "config.json"

#: The description of the front end; newer repositories have it in the second.
FRONT_ENDS = ("preprocessor_config.json", "processor_config.json")

#: Weights, in the order in which they are looked for. An index lists shards.
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)

_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_SHARD = re.compile(r"[\w-][\w.-]*\.(safetensors|bin)")


def is_repository(name: str) -> bool:
    """Whether a name has the form ``ORG/NAME``."""
    return _REPOSITORY.fullmatch(name) is not None and ".." not in name


def remote_file(repository: str, name: str) -> RemoteFile:
    """Return where a file of a repository is published.

    The server is ``HF_ENDPOINT`` where that is set, else https://huggingface.co. No hash is
    published in a form that could be relied on: that of the first download is pinned, if the file
    is of its kind.
    """
    host = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    url = f"{host}/{repository}/resolve/main/{name}"
    return checked(RemoteFile(url, Path(name), sha256=None))


def first_present(folder: Path, names: Sequence[str]) -> str | None:
    """Return the first of some files that a folder has; None if it has none of them."""
    return next((name for name in names if (folder / name).is_file()), None)


def weight_files(folder: Path) -> list[Path]:
    """Return the files of tensors in a folder: one, or the shards that an index lists.

    Raises
    ------
    InputError
        If it has none, or a shard is missing or anywhere else.
    """
    name = first_present(folder, WEIGHTS)
    if name is None:
        raise InputError(f"{folder}: none of {', '.join(WEIGHTS)} in it; expected one of them")
    if not is_index(name):
        return [folder / name]
    try:
        paths = [folder / shard for shard in shards(folder / name)]
    except FetchError as error:
        raise InputError(str(error)) from error
    absent = [path.name for path in paths if not path.is_file()]
    if absent:
        raise InputError(f"{folder}: no {', '.join(absent)} in it, which {name} lists")
    return paths


def is_index(name: str) -> bool:
    """Whether a file of `WEIGHTS` lists shards, instead of being one."""
    return name.endswith(".index.json")


def shards(index: Path) -> list[str]:
    """Names of the files that an index of weights lists.

    Raises
    ------
    FetchError
        If it lists something else than files of weights beside it.
    """
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FetchError(
            f"{index}: no index of weights ({type(error).__name__}); remove it to fetch it again"
        ) from error
    for name in names:
        if not isinstance(name, str) or not _SHARD.fullmatch(name):
            raise FetchError(
                f"{index}: lists {name!r}; expected files of weights beside it. Nothing of them "
                "was brought"
            )
    return names
