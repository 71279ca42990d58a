"""Results of others in a study: a folder or an archive, checked, then kept beside its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from heschl import store
from heschl.errors import FetchError, InputError
from heschl.releases import TarRules
from heschl.results import FILE, Results, merge
from heschl.studies.checking import check_others
from heschl.studies.folder import RUNS, StudyRun, is_study, load_run
from heschl.studies.writing import write_tables

#: What an archive may hold, unpacked.
MOST_BYTES, MOST_FILES = 20_000_000_000, 100_000

#: Of a small or well packed one: so many bytes, and so many for each of its own.
LEAST_BYTES, MOST_PACKED = 10_000_000, 50

_GZIP = b"\x1f\x8b"


def add_results(folder: str | Path, source: str | Path) -> StudyRun:
    """Add results of others to a study.

    Parameters
    ----------
    folder : str or Path
        Of the study.
    source : str or Path
        A run (``heschl score``, ``heschl probe``), the folder of a study, or a tar of either.

    Returns
    -------
    StudyRun
        The study with them; its tables are written anew.

    Raises
    ------
    InputError
        If they are not comparable with those of the study; nothing is changed.
    DamagedEntryError
        If they were altered after they were written.
    """
    folder, source = Path(folder), Path(source)
    run = load_run(folder)
    ours = run.results(folder)
    with _opened(source) as place:
        others = _results(place)
        check_others(others, ours)
        key = store.content_key({"rows": others.rows(), "records": sorted(others.provenance)})
        name = f"added-{key[:16]}"
        others.save(folder / RUNS / name)
    added = (*run.added, {"folder": name, "source": source.name})
    run = replace(run, added=added)
    write_tables(run, folder)
    run.save(folder)
    return run


def _results(place: Path) -> Results:
    if is_study(place):
        return load_run(place).results(place)
    if (place / FILE).is_file():
        return Results.load(place)
    below = sorted({path.parent for path in place.glob(f"*/{FILE}")})
    if (place / RUNS).is_dir() and not below:
        below = sorted({path.parent for path in place.glob(f"{RUNS}/*/{FILE}")})
    if not below:
        raise InputError(f"{place.name}: no results here; expected a run, or the folder of a study")
    return merge([Results.load(one) for one in below])


@contextmanager
def _opened(source: Path) -> Iterator[Path]:
    """Yield a folder: the source itself, or what is in an archive."""
    if source.is_dir():
        yield source
        return
    if not source.is_file():
        raise InputError(f"{source}: no folder and no tar archive; expected results of heschl")
    with tempfile.TemporaryDirectory(dir=store.make_folder(store.home() / "scratch")) as scratch:
        _unpack(source, Path(scratch))
        inside = [path for path in Path(scratch).iterdir() if path.is_dir()]
        whole = is_study(Path(scratch)) or (Path(scratch) / FILE).is_file()
        yield inside[0] if len(inside) == 1 and not whole else Path(scratch)


def _unpack(source: Path, target: Path) -> None:
    """Unpack plain files and folders; nothing else, nothing outside, and not too much."""
    rules = _rules(source)
    try:
        with rules.opened(source) as archive:  # all are checked before the first is written
            store.check_space(target, sum(one.size for one in rules.members(archive, source)))
        with rules.opened(source) as archive:
            for member in rules.members(archive, source):
                if member.isfile():
                    rules.write(archive, member, target / member.name, source)
    except FetchError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"{source}: cannot be unpacked ({error.strerror or error})") from error


def _rules(source: Path) -> TarRules:
    """Return what an archive of results may be: of tables and arrays, which are packed little."""
    with source.open("rb") as file:
        compressed = file.read(2) == _GZIP
    most = min(MOST_BYTES, LEAST_BYTES + MOST_PACKED * source.stat().st_size)
    return TarRules("results of heschl", compressed, most, most, MOST_FILES)
