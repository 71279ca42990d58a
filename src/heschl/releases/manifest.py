"""What was installed of a release: written last, so that a folder with it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from heschl import progress, store
from heschl.errors import StoreError
from heschl.threads import map_threads

MANIFEST = "release.json"
DATA = "data"


@dataclass(frozen=True)
class InstalledFile:
    """One file as it was installed.

    Attributes
    ----------
    size : int
        In bytes.
    sha256 : str
    """

    size: int
    sha256: str


@dataclass(frozen=True)
class Installed:
    """A release as it was installed.

    Attributes
    ----------
    root : Path
        Its folder; the files are in `DATA` below it.
    archive_sha256 : str or None
        Of the archive; None if an unpacked copy was given.
    files : mapping of PurePosixPath to InstalledFile
    """

    root: Path
    archive_sha256: str | None
    files: Mapping[PurePosixPath, InstalledFile] = field(repr=False)

    def path(self, file: PurePosixPath) -> Path:
        """Return where a file of the release is on this machine."""
        return self.root / DATA / file

    def is_unaltered(self, *, hashed: bool, label: str | None = None) -> bool:
        """Whether all files are there as they were installed.

        Parameters
        ----------
        hashed : bool
            True compares hashes; False only sizes, which is quick.
        label : str, optional
            Of a progress bar; none is shown by default.

        Raises
        ------
        StoreError
            If a file is there but cannot be read.
        """
        if not hashed:
            return all(self.has(file, hashed=False) for file in self.files)
        with progress.bar(label or "", len(self.files), "files", show=label is not None) as advance:
            for found in map_threads(lambda file: self.has(file, hashed=True), self.files):
                if not found:
                    return False
                advance()
        return True

    def has(self, file: PurePosixPath, *, hashed: bool) -> bool:
        """Whether one file is there as it was installed."""
        path, expected = self.path(file), self.files[file]
        try:
            if path.stat().st_size != expected.size:
                return False
            return not hashed or store.file_sha256(path) == expected.sha256
        except (FileNotFoundError, NotADirectoryError, ValueError):  # a name that none can have
            return False
        except OSError as error:
            raise _unreadable(path, error) from error


def write(
    root: Path,
    url: str,
    archive_sha256: str | None,
    files: Iterable[PurePosixPath],
    *,
    data: Path | None = None,
) -> None:
    """Hash the files of a release and write its manifest.

    Parameters
    ----------
    root : Path
        Where the manifest belongs.
    url : str
        Of the archive.
    archive_sha256 : str or None
    files : iterable of PurePosixPath
        Relative to ``data``.
    data : Path, optional
        Where they are; `DATA` below ``root`` by default.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    place = root / DATA if data is None else data

    def look_at(file: PurePosixPath) -> tuple[str, dict[str, int | str]]:
        size, sha256 = (place / file).stat().st_size, store.file_sha256(place / file)
        return str(file), {"size": size, "sha256": sha256}

    content = {
        "url": url,
        "archive_sha256": archive_sha256,
        "files": dict(map_threads(look_at, files)),
    }
    store.write_json(root / MANIFEST, content)


def read(root: Path) -> Installed | None:
    """Return what is installed in a folder; None if nothing is, or not by this version of heschl.

    Raises
    ------
    StoreError
        If the manifest is there but cannot be looked at.
    """
    path = root / MANIFEST
    try:
        content = store.read_json(path)
        files = {
            PurePosixPath(name): InstalledFile(int(file["size"]), str(file["sha256"]))
            for name, file in content["files"].items()
        }
        archive = content["archive_sha256"]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None  # spoilt, or of another version: the release is brought again
    return Installed(root, None if archive is None else str(archive), files)


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path}: cannot be read ({error.strerror or error}); check its permissions or set "
        "HESCHL_HOME to another folder"
    )
