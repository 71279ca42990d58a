"""The folder of a site: made aside, then put in its place as a whole."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from heschl import store
from heschl.errors import InputError

#: The file that says that a folder is a site, and which files it is made of.
MARK = "site.json"
FORMAT = 1
#: What file managers leave in the folders that they show.
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but a site.

    Raises
    ------
    InputError
        If it is a file, no site, or a site with files that are not of it.
    StoreError
        If nothing can be written beside it.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; expected a folder, such as {folder.stem}-site")
    if folder.is_dir():
        others = _not_of_the_site(folder)
        if others:
            raise InputError(
                f"{folder} holds what is not of a site, the first is {others[0]!r}; expected an "
                "empty folder, a new one, or a site made earlier, which is replaced as a whole"
            )
    store.check_writable(folder.parent)


def _not_of_the_site(folder: Path) -> list[str]:
    """Return the files of a folder that its mark does not name."""
    found = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )
    found = [name for name in found if name.rpartition("/")[2] not in _LITTER]
    mark = folder / MARK
    if not mark.is_file():
        return found
    try:
        content = store.read_json(mark)
        known = {MARK, *content["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return [MARK]
    return [name for name in found if name not in known]


@contextlib.contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside a site's; if all goes well, put it in its place.

    What was there before stays until then; after an interruption it is still there.

    Raises
    ------
    StoreError
        If something cannot be written.
    """
    temporary = folder.parent / f".{folder.name}-{secrets.token_hex(8)}.tmp"
    try:
        with store.writing(folder):
            temporary.mkdir(parents=True)
            yield temporary
            _write_mark(temporary)
            _put(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_mark(folder: Path) -> None:
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    store.write_json(folder / MARK, {"made by": "heschl", "format": FORMAT, "files": files})


def _put(temporary: Path, folder: Path) -> None:
    """Move a folder into the place of another; if that fails, the other is there again."""
    if not folder.exists():
        temporary.rename(folder)
        return
    old = temporary.with_suffix(".old")
    folder.rename(old)
    try:
        temporary.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old)
