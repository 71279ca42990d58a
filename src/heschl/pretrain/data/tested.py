"""Training sounds must not be those that a model is tested on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heschl import store
from heschl.errors import InputError
from heschl.pretrain.data.index import SoundIndex
from heschl.sounds import Sounds
from heschl.threads import map_threads


def refuse_tested(index: SoundIndex, sounds: Sounds) -> None:
    """Refuse to train on the sounds of a test.

    A training file is one of them if it is the same file, or if it has the same content (size and
    SHA-256). Only files of the same size as a tested one are read. Sounds that were given as arrays
    have no file to compare and are passed over; so are other encodings of the same recording.

    Parameters
    ----------
    index : SoundIndex
        The training sounds.
    sounds : Sounds
        Those a model is tested on.

    Raises
    ------
    InputError
        If there is one; the first is named.
    """
    tested = {
        clip.name: Path(clip.source) for clip in sounds if isinstance(clip.source, str | Path)
    }
    by_size: dict[int, dict[str, Path]] = {}
    for name, path in tested.items():
        if path.is_file():
            by_size.setdefault(path.stat().st_size, {})[name] = path
    sizes = np.concatenate([source.sizes for source in index.sources])
    alike = np.flatnonzero(np.isin(sizes, list(by_size)))
    if not alike.size:
        return
    needed = {int(size) for size in sizes[alike]}
    digests = {
        store.file_sha256(path): name for size in needed for name, path in by_size[size].items()
    }
    paths = [index.path(int(file)) for file in alike]
    for path, digest in zip(paths, map_threads(store.file_sha256, paths), strict=True):
        if digest in digests:
            raise InputError(
                f"{path}: one of the sounds that the model is tested on ({digests[digest]}); a "
                "model must not be trained on them: remove it from the training sounds"
            )
