"""Tar archives: of releases, of hearing tasks, of results of others for a study.

FetchError, and for results InputError and DamagedEntryError, are all that may come; no file is
written elsewhere (`watch`), and no link, device or other special file at all.
"""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import places
from heschl.errors import DamagedEntryError, FetchError, InputError
from heschl.releases import TarRules
from heschl.results import Results, score_table
from heschl.studies.adding import add_results
from heschl.studies.folder import StudyRun
from heschl.tasks.hear.unpacking import Wanted, check_archive, unpack

WANTED = Wanted("small-v1-full", n_clips=6, n_bytes=100_000)
STUDY = places.ROOT / "study"


def check(content: bytes) -> None:
    """Unpack bytes, as they are and compressed, in all three ways."""
    with places.folder() as folder:
        plain, zipped = folder / "archive.tar", folder / "archive.tar.gz"
        plain.write_bytes(content)
        zipped.write_bytes(gzip.compress(content, 1, mtime=0))
        for compressed, path in ((False, plain), (True, zipped), (True, plain)):
            _check_release(path, folder / "release", compressed=compressed)
        _check_task(zipped, folder / "task")
        _check_results(plain)


def _check_release(path: Path, target: Path, *, compressed: bool) -> None:
    rules = TarRules("release", compressed, 1_000_000, 2_000_000, 100)
    try:
        with rules.opened(path) as archive:
            for n, member in enumerate(rules.members(archive, path)):
                if member.isfile():
                    rules.write(archive, member, target / str(n), path)
    except FetchError:
        pass
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _check_task(path: Path, target: Path) -> None:
    try:
        check_archive(path, WANTED)
    except FetchError:
        return
    target.mkdir()
    try:
        unpack(path, target, WANTED)
    except FetchError:
        return
    for found in target.rglob("*"):
        if found.is_symlink() or not (found.is_file() or found.is_dir()):
            raise AssertionError(f"{found} is neither a file nor a folder")


def _check_results(path: Path) -> None:
    if not STUDY.is_dir():
        Results(score_table([]), {}).save(STUDY / "runs" / "one")
        StudyRun("s", "t", "", {}, {}, ("one",), (), 1).save(STUDY)
    try:
        add_results(STUDY, path)
    except (InputError, DamagedEntryError):
        return
    shutil.rmtree(STUDY)  # they are in it now
