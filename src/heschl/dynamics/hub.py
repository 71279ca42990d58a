"""Checkpoints on the hub: what a folder of a repository holds, and bringing one file of it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests

from heschl import store
from heschl.dynamics.checkpoints import SUFFIXES, Checkpoint, step_in
from heschl.errors import FetchError, OfflineError, UsageError, quoted
from heschl.fetch import download, is_offline, part_path, plan
from heschl.fetch.addresses import shown
from heschl.fetch.asking import Asking
from heschl.fetch.downloading import USER_AGENT, WAITS
from heschl.models.huggingface.repository import is_repository, remote_file
from heschl.models.weights.places import pins

#: A listing of more bytes, or in more pages, than this is none of checkpoints.
_LARGEST, _MOST_PAGES = 20_000_000, 100


@dataclass(frozen=True)
class PublishedTrajectory:
    """Checkpoints of a published training.

    Attributes
    ----------
    name : str
        What a user types.
    place : str
        ``hf:ORG/NAME/FOLDER``.
    as_model : str
        The model of 'heschl list' whose architecture they have.
    citation : str
    """

    name: str
    place: str
    as_model: str
    citation: str


PUBLISHED = {
    one.name: one
    for one in (
        PublishedTrajectory(
            "encodecmae-base-trajectory",
            "hf:lpepino/encodecmae-pretrained/full_exps/base_models/mel256-ec-base/"
            "pretrain_checkpoints/finegrained",
            "encodecmae-base",
            "Pepino et al., arXiv 2511.16849 (2025)",
        ),
    )
}


def is_hub_folder(place: str) -> bool:
    """Whether checkpoints are named as a folder of the hub, or as a published trajectory."""
    return place in PUBLISHED or place.startswith("hf:")


def list_hub(place: str) -> list[Checkpoint]:
    """List the checkpoints in a folder of the hub; nothing is downloaded.

    Parameters
    ----------
    place : str
        ``hf:ORG/NAME[/FOLDER]``, or a name of `PUBLISHED`.

    Raises
    ------
    UsageError
        If it has another form.
    OfflineError
        If ``HESCHL_OFFLINE`` is set.
    FetchError
        If there is no such folder, or the server does not answer as the hub does.
    """
    repository, folder = _parts(PUBLISHED[place].place if place in PUBLISHED else place)
    first = _listing_url(repository, folder)
    if is_offline():
        raise OfflineError(
            f"the checkpoints of {place} are listed at {shown(first)}, but HESCHL_OFFLINE is set. "
            "Give a folder with copies of them, or unset HESCHL_OFFLINE"
        )
    found = []
    for entry in _entries(first):
        path = PurePosixPath(entry["path"])
        step = step_in(path.name)
        if entry["type"] == "file" and path.suffix in SUFFIXES and step is not None:
            remote = remote_file(repository, quote(str(path)))
            size = entry.get("size")
            remote = replace(remote, path=Path(path), size=size if isinstance(size, int) else None)
            here = store.home() / "models" / "hub" / repository / Path(path)
            found.append(Checkpoint(step, path.name, path=here, remote=remote))
    return found


def bring(checkpoint: Checkpoint, *, show: bool = True) -> None:
    """Download a checkpoint of the hub, unless it is here; its hash is pinned on first use.

    Raises
    ------
    FetchError, StoreError
        As `heschl.fetch.download`.
    """
    if checkpoint.remote is None or checkpoint.path is None:
        return
    folder = checkpoint.path.parents[len(checkpoint.remote.path.parts) - 1]
    download(plan(checkpoint.name, [checkpoint.remote], folder, pins=pins()), show=show)


def remove(checkpoint: Checkpoint) -> None:
    """Remove a checkpoint that was brought, and what there is of it half-way."""
    if checkpoint.remote is not None and checkpoint.path is not None:
        checkpoint.path.unlink(missing_ok=True)
        part_path(checkpoint.path).unlink(missing_ok=True)


def _parts(place: str) -> tuple[str, str]:
    """Return the repository, and the folder in it ("" for all of it)."""
    organisation, _, rest = place.removeprefix("hf:").partition("/")
    name, _, folder = rest.partition("/")
    repository = f"{organisation}/{name}"
    parts = [part for part in folder.split("/") if part]
    if not is_repository(repository) or ".." in parts:
        raise UsageError(
            f"{place!r} is no folder of the hub; expected hf:ORG/NAME or hf:ORG/NAME/FOLDER"
        )
    return repository, "/".join(parts)


def _listing_url(repository: str, folder: str) -> str:
    server = remote_file(repository, "config.json").url.removesuffix(
        f"/{repository}/resolve/main/config.json"
    )
    return f"{server}/api/models/{repository}/tree/main/{quote(folder)}".rstrip("/")


def _entries(url: str) -> Iterator[dict[str, Any]]:
    """Yield what a folder holds, page by page."""
    with requests.Session() as session:
        session.headers["User-Agent"] = USER_AGENT
        asking = Asking(session, WAITS, threading.Event())
        following: str | None = url
        for _ in range(_MOST_PAGES):
            entries, following = _page(following, asking)
            yield from entries
            if following is None:
                return
    raise FetchError(
        f"{shown(url)}: more than {_MOST_PAGES} pages; expected a folder of checkpoints"
    )


def _page(url: str | None, asking: Asking) -> tuple[list[dict[str, Any]], str | None]:
    """Return the entries of a page, and where the next one is."""
    address = str(url)

    def refuse(reason: str) -> FetchError:
        return FetchError(f"{shown(address)}: {reason}")

    def once() -> tuple[bytes, str | None]:
        with asking.ask(address, {}, refuse) as response:
            content = b""
            for piece in response.iter_content(1 << 16):
                content += piece
                if len(content) > _LARGEST:
                    raise refuse(f"more than {_LARGEST} bytes; expected a list of files")
            return content, response.links.get("next", {}).get("url")

    content, following = asking.persist(once, refuse)
    return _checked(content, refuse), _same_server(address, following, refuse)


def _checked(content: bytes, refuse: Any) -> list[dict[str, Any]]:
    try:
        entries = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise refuse(f"no JSON ({quoted(error)}); expected a list of files") from error
    if not isinstance(entries, list):
        raise refuse("no list; expected a list of files")
    for entry in entries:
        path = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(path, str) or "type" not in entry or not _is_inside(path):
            raise refuse(f"lists {str(entry)[:100]}; expected files with a type and a path")
    return entries


def _is_inside(path: str) -> bool:
    parts = path.split("/")
    return bool(re.fullmatch(r"[^\\\x00-\x1f]+", path)) and not {"", ".", ".."} & set(parts)


def _same_server(url: str, following: str | None, refuse: Any) -> str | None:
    """Return the address of the next page; one elsewhere is not followed."""
    if following is None:
        return None
    here, there = urlsplit(url), urlsplit(urljoin(url, following))
    if (there.scheme, there.hostname, there.port) != (here.scheme, here.hostname, here.port):
        raise refuse(
            f"the next page is {shown(there.geturl())[:100]}; expected one of the same server"
        )
    return there._replace(netloc=here.netloc).geturl()  # with whom asks, if the address says it
