"""The index of training sounds in the folder of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from heschl import store
from heschl.errors import DamagedEntryError, InputError
from heschl.pretrain.data.index import IndexedSource, SoundIndex
from heschl.pretrain.data.scanning import index_sources
from heschl.pretrain.data.sources import Source
from heschl.pretrain.data.unchanged import check_unchanged

FILE = "sounds.json"
FORMAT = 1
_COLUMNS = ("n_samples", "sample_rates", "sizes", "changed")


def open_index(
    folder: Path,
    sources: Sequence[Source],
    *,
    skip_bad: bool = False,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> SoundIndex:
    """Return the index of a run: made and written when it begins, read and checked afterwards.

    Parameters
    ----------
    folder : Path
        The run's.
    sources, skip_bad, n_jobs, show_progress
        As for `index_sources`; the folders of the sources may have moved since.

    Raises
    ------
    UsageError, InputError, AudioError
        As `index_sources`, `check_unchanged`.
    StoreError
        If it cannot be written, or what is there is not as it was written.
    """
    if not (folder / FILE).exists():
        index = index_sources(
            sources, skip_bad=skip_bad, n_jobs=n_jobs, show_progress=show_progress
        )
        write_index(folder, index)
        return index
    return check_unchanged(read_index(folder), sources, n_jobs=n_jobs, show_progress=show_progress)


def write_index(folder: Path, index: SoundIndex) -> None:
    """Write an index into the folder of a run, atomically."""
    content = {"format": FORMAT, "sources": [_columns_of(source) for source in index.sources]}
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    store.write_text(folder / FILE, text + "\n")


def read_index(folder: Path) -> SoundIndex:
    """Read the index of a run; its files are not looked at.

    Raises
    ------
    InputError
        If it is of another format.
    DamagedEntryError
        If it is missing or damaged.
    """
    path = folder / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content["format"]
        if found == FORMAT:
            return SoundIndex(tuple(_source_of(**one) for one in content["sources"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedEntryError(
            f"{path}: not as heschl wrote it ({type(error).__name__}: {error}); remove it, and the "
            "sounds are looked at again"
        ) from error
    raise InputError(f"{path}: format {found!r}; this heschl reads {FORMAT}: begin a new run")


def _columns_of(source: IndexedSource) -> dict[str, Any]:
    return {
        "name": source.name,
        "root": str(source.root),
        "weight": source.weight,
        "names": source.names,
        **{column: getattr(source, column).tolist() for column in _COLUMNS},
        "left_out": source.left_out,
    }


def _source_of(
    *, root: str, names: list[str], left_out: list[list[str]], **rest: Any
) -> IndexedSource:
    for column in _COLUMNS:
        rest[column] = np.array(rest[column], np.int32 if column == "sample_rates" else np.int64)
        if rest[column].shape != (len(names),):
            raise ValueError(f"{len(names)} names and {rest[column].size} {column}")
    bad = tuple((name, why) for name, why in left_out)
    return IndexedSource(root=Path(root), names=tuple(names), left_out=bad, **rest)
