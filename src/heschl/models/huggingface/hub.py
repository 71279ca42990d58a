"""Repositories of the hub: which of their files a model needs, downloaded once and pinned."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import requests

from heschl import store
from heschl.errors import FetchError, InputError, StoreError, UsageError
from heschl.fetch import RemoteFile, check_pin, download, is_offline, pin, plan
from heschl.fetch.asking import Asking
from heschl.fetch.downloading import USER_AGENT, WAITS

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


def find_folder(reference: str | Path, *, weights: bool) -> tuple[str, Path]:
    """Return a model's name and the folder with its files, downloaded if they are of the hub.

    Parameters
    ----------
    reference : str or Path
        A folder, or ``ORG/NAME``, with or without ``hf:`` before it.
    weights : bool
        Whether the weights are needed.

    Raises
    ------
    UsageError
        If it is neither.
    InputError
        If a folder has no ``config.json``.
    FetchError
        If files cannot be downloaded.
    """
    text = str(reference).removeprefix("hf:")
    folder = Path(text).expanduser()
    if (folder / CONFIG).is_file():
        return f"hf:{folder.resolve().name}", folder
    if folder.exists():
        raise InputError(
            f"{folder}: no {CONFIG} in it; expected a folder as save_pretrained of transformers "
            "makes it"
        )
    return f"hf:{text}", fetch_repository(text, weights=weights)


def folder_of(repository: str) -> Path:
    """Return where the files of a repository belong; it need not be there.

    Raises
    ------
    UsageError
        If it is not of the form ``ORG/NAME``.
    """
    if not _REPOSITORY.fullmatch(repository) or ".." in repository:
        raise UsageError(
            f"{repository!r} is neither a folder nor a repository of the hub; expected a folder "
            "with a config.json, or ORG/NAME as in hf:facebook/hubert-base-ls960"
        )
    return store.home() / "models" / "hub" / Path(repository)


def fetch_repository(repository: str, *, weights: bool = True, show: bool = True) -> Path:
    """Download what a model needs of a repository, unless it is there.

    The server is ``HF_ENDPOINT`` where that is set, else https://huggingface.co. No hash is
    published in a form that could be relied on: that of the first download is pinned.

    Parameters
    ----------
    repository : str
        ``ORG/NAME``.
    weights : bool, optional
        Whether the weights are needed too.
    show : bool, optional
        Whether to show progress bars.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UsageError
        If the name has another form.
    FetchError
        If a file cannot be had. `OfflineError` if ``HESCHL_OFFLINE`` forbids it.
    StoreError
        If the folder cannot be written.
    """
    folder = folder_of(repository)
    _download(repository, folder, [CONFIG], show=show)
    _download(repository, folder, [_first(repository, folder, FRONT_ENDS)], show=show)
    if weights:
        name = _first(repository, folder, WEIGHTS)
        _download(repository, folder, [name], show=show)
        if name.endswith(".index.json"):
            _download(repository, folder, _shards(folder / name), show=show)
    return folder


def install_repository(repository: str, source: Path) -> Path:
    """Copy the files of a repository from a folder: ``heschl fetch hf:ORG/NAME --from source``.

    Parameters
    ----------
    repository : str
        ``ORG/NAME``.
    source : Path
        A folder with the files under their names in the repository.

    Returns
    -------
    Path
        The folder in heschl's store. The hashes are compared with those pinned, or pinned.

    Raises
    ------
    FetchError
        If a file is missing, or is not the one that was pinned; nothing is copied.
    StoreError
        If it cannot be written.
    """
    folder = folder_of(repository)
    names = [CONFIG, _present(source, FRONT_ENDS), _present(source, WEIGHTS)]
    if names[-1].endswith(".index.json"):
        names += _shards(source / names[-1])
    files = [remote_file(repository, name) for name in names]
    for file in files:
        if not (source / file.path).is_file():
            raise FetchError(f"{source}: no {file.path} in it; expected a whole copy of the files")
        if file.check is not None:
            file.check(source / file.path)
        check_pin(pins(), file.origin, store.file_sha256(source / file.path))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            temporary = folder / f".{file.path.name}.tmp"
            try:
                shutil.copyfile(source / file.path, temporary)
                temporary.replace(folder / file.path)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot copy {source} to {folder}: {error.strerror or error}. Free some space or set "
            "HESCHL_HOME to a folder that you may write"
        ) from error
    for file in files:
        pin(pins(), file.origin, store.file_sha256(folder / file.path))
    return folder


def pins() -> Path:
    """Return the file of hashes pinned on first use."""
    return store.home() / "pins.txt"


def remote_file(repository: str, name: str) -> RemoteFile:
    """Return where a file of a repository is published."""
    host = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    url = f"{host}/{repository}/resolve/main/{name}"
    return RemoteFile(url, Path(name), sha256=None, check=_check_kind)


def _download(repository: str, folder: Path, names: Sequence[str], *, show: bool) -> None:
    files = [remote_file(repository, name) for name in names]
    download(plan(f"hf:{repository}", files, folder, pins=pins()), show=show)


def _first(repository: str, folder: Path, names: Sequence[str]) -> str:
    """Return the first of some files that is here, or that the server has."""
    for name in names:
        if (folder / name).is_file():
            return name
    if is_offline():
        return names[0]  # its download says that it is not allowed
    with requests.Session() as session:
        session.headers["User-Agent"] = USER_AGENT
        asking = Asking(session, WAITS, threading.Event())
        for name in names:
            if _exists(remote_file(repository, name).url, asking):
                return name
    raise FetchError(
        f"{remote_file(repository, names[0]).url}: not there, nor {', '.join(names[1:])}; expected "
        "an audio encoder of transformers with its front end and weights"
    )


def _exists(url: str, asking: Asking) -> bool:
    def refuse(reason: str) -> FetchError:
        return FetchError(f"{url}: {reason}")

    def once() -> bool:
        with asking.ask(url, {}, refuse, also=(404,)) as response:  # its content is not read
            return response.status_code != 404

    return asking.persist(once, refuse)


def _present(source: Path, names: Sequence[str]) -> str:
    for name in names:
        if (source / name).is_file():
            return name
    raise FetchError(f"{source}: none of {', '.join(names)} in it; expected one of them")


def _shards(index: Path) -> list[str]:
    """Names of the files that an index of weights lists.

    Raises
    ------
    FetchError
        If it lists something else.
    """
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FetchError(
            f"{index}: no index of weights ({type(error).__name__}); remove it to fetch it again"
        ) from error
    for name in names:
        if not isinstance(name, str) or not _SHARD.fullmatch(name):
            raise FetchError(
                f"{index}: lists {name!r}; expected files of weights beside it. Nothing of them "
                "was downloaded"
            )
    return names


def _check_kind(path: Path) -> None:
    """Refuse, before its hash is pinned, what came in place of a file (a login page, say).

    The path is that of the finished or the partial file.

    Raises
    ------
    FetchError
    """
    name = path.name.removesuffix(".part")
    with path.open("rb") as handle:
        head = handle.read(9)
        if name.endswith(".json"):
            try:
                json.loads(head + handle.read())
            except (UnicodeDecodeError, json.JSONDecodeError) as error:
                raise FetchError(f"{name} is no JSON ({error})") from error
    if name.endswith(".safetensors") and head[8:] != b"{":
        raise FetchError(f"{name} begins with {head!r}, which is no file of safetensors")
    if name.endswith(".bin") and not head.startswith((b"PK\x03\x04", b"\x80")):
        raise FetchError(f"{name} begins with {head!r}, which is no checkpoint of torch")
