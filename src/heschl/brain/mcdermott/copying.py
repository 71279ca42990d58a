"""A user's own unpacked copy of the release."""

from __future__ import annotations

from pathlib import Path

from heschl.brain.mcdermott.release import RELEASE, wanted_files
from heschl.errors import FetchError
from heschl.releases import copy_stream

_SHOWN = 5


def copy_folder(source: Path, target: Path) -> None:
    """Copy the wanted files of an unpacked release.

    Parameters
    ----------
    source : Path
        A folder with ``neural`` and ``stimuli``, or with ``data`` above them, or with a folder that
        has one of these.
    target : Path
        The folder in which ``neural`` and ``stimuli`` are to be.

    Raises
    ------
    FetchError
        If a file is missing or cannot be read; it is named.
    OSError
        If a file cannot be written.
    """
    root = _root(source)
    for wanted in wanted_files():
        try:
            stream = (root / wanted).open("rb")
        except OSError as error:
            raise FetchError(
                f"{root / wanted}: cannot be read ({error.strerror or error}); check its "
                "permissions. Nothing was copied"
            ) from error
        with stream:
            copy_stream(stream, target / wanted)


def _root(source: Path) -> Path:
    """Return the folder that has ``neural`` and ``stimuli``: the most complete one."""
    near = [source, *sorted(p for p in (*source.glob("*"), *source.glob("*/*")) if p.is_dir())]
    roots = [path for path in near if (path / "neural").is_dir()]
    if not roots:
        raise FetchError(
            f"{source}: no folder data/neural or neural in it; expected the release {RELEASE}, "
            "unpacked, or its data.tar"
        )
    root = min(roots, key=lambda path: len(_missing(path)))  # the first of equals
    missing = _missing(root)
    if missing:
        more = ", ..." if len(missing) > _SHOWN else ""
        raise FetchError(
            f"{root} is not the whole release {RELEASE}: {len(missing)} files are missing "
            f"({', '.join(missing[:_SHOWN])}{more}). Nothing was copied; unpack data.tar again"
        )
    return root


def _missing(root: Path) -> list[str]:
    return [str(wanted) for wanted in wanted_files() if not (root / wanted).is_file()]
