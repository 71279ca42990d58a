"""A first look at every training sound, so that a damaged file is found before training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heschl import audio, progress
from heschl.errors import AudioError, InputError
from heschl.pretrain.data.index import IndexedSource, SoundIndex
from heschl.pretrain.data.sources import Source, check_sources, file_names
from heschl.threads import map_threads

N_NAMED = 10
_A_TIME = 64  # files for a thread at once, so that handing them out costs little

Found = tuple[int, int, int, int]
"""Number of samples, sample rate in Hz, size in bytes, time of the last change in nanoseconds."""


def index_sources(
    sources: Sequence[Source],
    *,
    skip_bad: bool = False,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> SoundIndex:
    """Look at the header and the end of every file; none is decoded.

    Parameters
    ----------
    sources : sequence of Source
        Weights for all or for none.
    skip_bad : bool, optional
        Leave files out that cannot be used, and list them in the index.
    n_jobs : int, optional
        Threads; all cores by default.
    show_progress : bool, optional

    Returns
    -------
    SoundIndex

    Raises
    ------
    UsageError
        If there are no sources, two of one name, or weights for some only.
    InputError
        If there is no such folder, or a source has no (usable) files.
    AudioError
        If files are damaged, empty or cut short: how many, and the first ten.
    """
    check_sources(sources)
    names = [file_names(source) for source in sources]
    looked = []
    with progress.bar(
        "training sounds", sum(map(len, names)), "files", show=show_progress
    ) as advance:
        for source, listed in zip(sources, names, strict=True):
            bad: dict[str, str] = {}
            found = _kept(look_at(source.root, listed, n_jobs=n_jobs, advance=advance), bad)
            columns = np.fromiter(chain.from_iterable(found), np.int64).reshape(-1, 4).T
            looked.append(_indexed(source, listed, columns, bad))
    _check(looked, skip_bad=skip_bad)
    return SoundIndex(tuple(looked))


def look_at(
    root: Path, names: Sequence[str], *, n_jobs: int | None, advance: progress.Advance
) -> Iterator[tuple[str, Found | AudioError]]:
    """Yield every name with what looking at its file tells, in order; errors are values."""

    def look(some: Sequence[str]) -> list[Found | AudioError]:
        return [_look(root / name) for name in some]

    parts = [names[i : i + _A_TIME] for i in range(0, len(names), _A_TIME)]
    for part, found in zip(parts, map_threads(look, parts, n_jobs=n_jobs), strict=True):
        advance(len(part))
        yield from zip(part, found, strict=True)


def _look(path: Path) -> Found | AudioError:
    try:
        facts = audio.look(path)
        about = path.stat()
    except AudioError as error:
        return error
    except OSError as error:  # it was removed in between
        return AudioError(f"{path}: cannot be looked at ({error.strerror or error})")
    return facts.n_samples, facts.sample_rate, about.st_size, about.st_mtime_ns


def _kept(looked: Iterator[tuple[str, Found | AudioError]], bad: dict[str, str]) -> Iterator[Found]:
    """Yield what is known of usable files; the others are put aside."""
    for name, found in looked:
        if isinstance(found, AudioError):
            bad[name] = str(found)
        else:
            yield found


def _indexed(
    source: Source, names: Sequence[str], columns: NDArray[np.int64], bad: dict[str, str]
) -> IndexedSource:
    return IndexedSource(
        name=source.name,
        root=source.root,
        weight=source.weight,
        names=tuple(name for name in names if name not in bad),
        n_samples=columns[0].copy(),
        sample_rates=columns[1].astype(np.int32),
        sizes=columns[2].copy(),
        changed=columns[3].copy(),
        left_out=tuple(bad.items()),
    )


def _check(looked: Sequence[IndexedSource], *, skip_bad: bool) -> None:
    reasons = [why for source in looked for _, why in source.left_out]
    n_files = sum(map(len, looked)) + len(reasons)
    if reasons and not skip_bad:
        more = f"\n  and {len(reasons) - N_NAMED} more" if len(reasons) > N_NAMED else ""
        raise AudioError(
            f"{len(reasons)} of {n_files} training sounds cannot be used. Replace them, or go on "
            "without them: skip_bad: true in a recipe's data, or skip_bad=True; they are listed in "
            "the run's folder"
            + "".join(chain.from_iterable(("\n  ", why) for why in reasons[:N_NAMED]))
            + more
        )
    for source in looked:
        if not len(source):
            raise InputError(
                f"source {source.name}: none of its {len(source.left_out)} files can be used, the "
                f"first: {source.left_out[0][1]}"
            )
