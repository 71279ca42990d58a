"""What ``heschl info MODEL`` says of the weights of a model."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from heschl.fetch import RemoteFile
from heschl.models.weights.availability import installed
from heschl.models.weights.places import published
from heschl.models.weights.weights import Weights

if TYPE_CHECKING:
    from heschl.models.base import ModelSpec


def facts(spec: ModelSpec) -> dict[str, str]:
    """Say in a few rows what is published of a model, where, and whether it is here.

    Nothing is hashed or requested.

    Parameters
    ----------
    spec : ModelSpec

    Returns
    -------
    dict of str to str
        ``weights``: their licence; ``files``: names, sizes, hashes; ``published at``; ``here``: the
        folder, or what brings them.

    Raises
    ------
    UsageError
        If the model has no weights.
    """
    weights = published(spec)
    accept = " (accept it with --accept-license)" if weights.accept else ""
    folder = installed(spec)
    command = f"heschl fetch {spec.name}" + (" --from FILE" if weights.by_hand else "")
    return {
        "weights": f"licence: {weights.licence}{accept}",
        "files": ", ".join(_described(file) for file in weights.files),
        "published at": _address(weights),
        "here": f"not here: {command}" if folder is None else str(folder),
    }


def _described(file: RemoteFile) -> str:
    size = [] if file.size is None else [f"{file.size / 1e6:.1f} MB"]
    pinned = "pinned on first use" if file.sha256 is None else "sha256 pinned"
    return f"{file.path.as_posix()} ({', '.join([*size, pinned])})"


def _address(weights: Weights) -> str:
    """Return where the files are; of several, the folders on the server."""
    if weights.archive is not None:
        return f"{weights.archive.url} (inside this tar)"
    if weights.by_hand is not None:
        return f"{weights.files[0].url} (by hand: {weights.by_hand})"
    urls = [file.url for file in weights.files]
    if len(urls) == 1:
        return urls[0]
    return ", ".join(dict.fromkeys(posixpath.dirname(url) for url in urls))
