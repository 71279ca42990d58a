"""Whether the training sounds are still those that a run began with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from heschl import progress
from heschl.errors import AudioError, InputError
from heschl.pretrain.data.index import IndexedSource, SoundIndex
from heschl.pretrain.data.scanning import look_at
from heschl.pretrain.data.sources import Source, check_sources, file_names


def check_unchanged(
    index: SoundIndex,
    sources: Sequence[Source],
    *,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> SoundIndex:
    """Refuse to go on with other files than a run began with.

    Names and sizes are compared; a file whose time has changed is looked at again.

    Parameters
    ----------
    index : SoundIndex
        As the run began.
    sources : sequence of Source
        The same sources; they may be at other places.
    n_jobs, show_progress
        As for `index_sources`.

    Returns
    -------
    SoundIndex
        The same files at the places of the sources.

    Raises
    ------
    InputError
        If sources, weights, names, sizes, lengths or rates are others: the first difference.
    """
    check_sources(sources)
    then = [(source.name, source.weight) for source in index.sources]
    now = [(source.name, source.weight) for source in sources]
    if then != now:
        raise _other(f"its sources were {_listed(then)}, and now are {_listed(now)}")
    checked = []
    with progress.bar("training sounds", len(index), "files", show=show_progress) as advance:
        for before, source in zip(index.sources, sources, strict=True):
            _check_names(before, file_names(source))
            _check_files(before, source.root, n_jobs, advance)
            checked.append(replace(before, root=source.root))
    return SoundIndex(tuple(checked))


def _listed(sources: Sequence[tuple[str, float | None]]) -> str:
    return ", ".join(n if w is None else f"{n} (weight {w:g})" for n, w in sources)


def _check_names(before: IndexedSource, now: Sequence[str]) -> None:
    then = {*before.names, *(name for name, _ in before.left_out)}
    for word, some in (("is gone", then.difference(now)), ("is new", set(now) - then)):
        if some:
            raise _other(f"source {before.name}: {min(some)} {word} (one of {len(some)})")


def _check_files(
    before: IndexedSource, root: Path, n_jobs: int | None, advance: progress.Advance
) -> None:
    again = []  # rows of files that are to be looked at
    for row, name in enumerate(before.names):
        try:
            about = (root / name).stat()
        except OSError as error:
            raise _other(f"source {before.name}: {name}: {error.strerror or error}") from error
        if about.st_size != before.sizes[row]:
            raise _other(
                f"source {before.name}: {name} had {before.sizes[row]} bytes, and now has "
                f"{about.st_size}"
            )
        if about.st_mtime_ns == before.changed[row]:
            advance()
        else:
            again.append(row)
    looked = look_at(root, [before.names[row] for row in again], n_jobs=n_jobs, advance=advance)
    for row, (name, found) in zip(again, looked, strict=True):
        if isinstance(found, AudioError):
            raise _other(f"source {before.name}: {found}") from found
        then = int(before.n_samples[row]), int(before.sample_rates[row])
        if found[:2] != then:
            raise _other(
                f"source {before.name}: {name} had {then[0]} samples at {then[1]} Hz, and now has "
                f"{found[0]} at {found[1]} Hz"
            )


def _other(difference: str) -> InputError:
    return InputError(
        f"the training sounds are not those that this run began with: {difference}. Put back what "
        "was there, or begin a new run in another folder"
    )
