"""Repositories of the hub: what a model needs of one is downloaded once, and pinned."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import requests

from heschl import store
from heschl.errors import FetchError, InputError, UsageError
from heschl.fetch import FetchPlan, download, is_offline, plan
from heschl.fetch.addresses import shown
from heschl.fetch.asking import Asking
from heschl.fetch.downloading import USER_AGENT, WAITS
from heschl.models.huggingface.repository import (
    CONFIG,
    FRONT_ENDS,
    WEIGHTS,
    first_present,
    is_index,
    is_repository,
    remote_file,
    shards,
)
from heschl.models.weights.copies import copy_files
from heschl.models.weights.places import pins


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
    if not is_repository(repository):
        raise UsageError(
            f"{repository!r} is neither a folder nor a repository of the hub; expected a folder "
            "with a config.json, or ORG/NAME as in hf:facebook/hubert-base-ls960"
        )
    return store.home() / "models" / "hub" / Path(repository)


def fetch_repository(repository: str, *, weights: bool = True) -> Path:
    """Download what a model needs of a repository, unless it is there.

    Parameters
    ----------
    repository : str
        ``ORG/NAME``.
    weights : bool, optional
        Whether the weights are needed too.

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
    _download(repository, [CONFIG])
    _download(repository, [_first(repository, folder, FRONT_ENDS)])
    if weights:
        name = _first(repository, folder, WEIGHTS)
        _download(repository, [name])
        if is_index(name):
            _download(repository, shards(folder / name))
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
    source = Path(source).expanduser()
    if not source.is_dir():
        raise FetchError(f"{source} is no folder; expected one with the files of {repository}")
    names = [CONFIG]
    for alternatives in (FRONT_ENDS, WEIGHTS):
        name = first_present(source, alternatives)
        if name is None:
            raise FetchError(
                f"{source}: none of {', '.join(alternatives)} in it; expected a folder with one of "
                "them"
            )
        names += [name, *(shards(source / name) if is_index(name) else ())]
    copy_files(_plan(repository, names), source)
    return folder_of(repository)


def describe(repository: str) -> str:
    """Say in one line what is here of a repository; nothing is requested."""
    folder = folder_of(repository)
    names = [first_present(folder, names) for names in ((CONFIG,), FRONT_ENDS, WEIGHTS)]
    there = [name for name in names if name is not None]
    if len(there) == len(names):
        return f"hf:{repository}: {', '.join(there)} in {folder}; nothing to download"
    return (
        f"hf:{repository}: {', '.join(there) or 'nothing'} in {folder}; configuration, front end "
        f"and weights would come from {remote_file(repository, CONFIG).origin.rpartition('/')[0]}"
    )


def _plan(repository: str, names: Sequence[str]) -> FetchPlan:
    files = [remote_file(repository, name) for name in names]
    return plan(f"hf:{repository}", files, folder_of(repository), pins=pins())


def _download(repository: str, names: Sequence[str]) -> None:
    download(_plan(repository, names))


def _first(repository: str, folder: Path, names: Sequence[str]) -> str:
    """Return the first of some files that is here, or that the server has."""
    here = first_present(folder, names)
    if here is not None:
        return here
    if is_offline():
        return names[0]  # its download says that it is not allowed
    with requests.Session() as session:
        session.headers["User-Agent"] = USER_AGENT
        asking = Asking(session, WAITS, threading.Event())
        for name in names:
            if _exists(remote_file(repository, name).url, asking):
                return name
    raise FetchError(
        f"{remote_file(repository, names[0]).origin}: not there, nor {', '.join(names[1:])}; "
        "expected an audio encoder of transformers with its front end and weights"
    )


def _exists(url: str, asking: Asking) -> bool:
    def refuse(reason: str) -> FetchError:
        return FetchError(f"{shown(url)}: {reason}")

    def once() -> bool:
        with asking.ask(url, {}, refuse, also=(404,)) as response:  # its content is not read
            return response.status_code != 404

    return asking.persist(once, refuse)
