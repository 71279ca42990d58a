"""What was installed of the release: written last, so that a folder with it is whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from heschl import store
from heschl.brain.mcdermott.release import RELEASE, TABLES, URL, folder, wanted_files
from heschl.errors import DamagedEntryError, StoreError

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
class Manifest:
    """What was installed.

    Attributes
    ----------
    archive_sha256 : str or None
        Of the archive; None if an unpacked copy was given.
    files : dict of PurePosixPath to InstalledFile
    """

    archive_sha256: str | None
    files: dict[PurePosixPath, InstalledFile]

    def source(self, dataset: str) -> dict[str, object]:
        """Return where a dataset comes from, for the provenance of results."""
        if self.archive_sha256 is not None:
            return {"url": URL, "archive_sha256": self.archive_sha256}
        sounds = [self.files[path].sha256 for path in wanted_files() if path.parts[0] == "stimuli"]
        return {
            "url": URL,
            "files_sha256": {str(path): self.files[path].sha256 for path in TABLES[dataset]},
            "sounds_sha256": hashlib.sha256(store.canonical_json(sounds).encode()).hexdigest(),
        }


def write_manifest(root: Path, archive_sha256: str | None, data: Path) -> None:
    """Hash the files below ``data`` and write the manifest into ``root``."""
    files = {
        str(path): {
            "size": (data / path).stat().st_size,
            "sha256": store.file_sha256(data / path),
        }
        for path in wanted_files()
    }
    content = {"url": URL, "archive_sha256": archive_sha256, "files": files}
    store.write_json(root / MANIFEST, content)


def read_manifest() -> Manifest | None:
    """Return what is installed; None if nothing is, or not all of it.

    Raises
    ------
    StoreError
        If the files are there but cannot be looked at.
    """
    path = folder() / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = {
            PurePosixPath(name): InstalledFile(int(file["size"]), str(file["sha256"]))
            for name, file in content["files"].items()
        }
        archive = content["archive_sha256"]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # not ours, or of another version: the release is brought again
    if set(files) != set(wanted_files()):
        return None
    return Manifest(None if archive is None else str(archive), files)


def stored_path(path: PurePosixPath) -> Path:
    """Return where a file of the release is on this machine."""
    return folder() / DATA / path


def is_unaltered(manifest: Manifest, *, hashed: bool) -> bool:
    """Whether all files are there as they were installed.

    Parameters
    ----------
    manifest : Manifest
    hashed : bool
        True compares hashes; False only sizes, which is quick.
    """
    return all(_is_as_installed(path, file, hashed) for path, file in manifest.files.items())


def check_unaltered(manifest: Manifest, dataset: str) -> None:
    """Refuse the tables of a dataset if one was altered since it was installed.

    Raises
    ------
    DamagedEntryError
        It names the file.
    """
    for path in TABLES[dataset]:
        if not _is_as_installed(path, manifest.files[path], hashed=True):
            raise DamagedEntryError(
                f"{stored_path(path)}: was altered since it was fetched (its SHA-256 is not "
                f"{manifest.files[path].sha256}); run `heschl fetch {dataset}` to bring the "
                f"release {RELEASE} again"
            )


def _is_as_installed(path: PurePosixPath, file: InstalledFile, hashed: bool) -> bool:
    stored = stored_path(path)
    try:
        if stored.stat().st_size != file.size:
            return False
        return not hashed or store.file_sha256(stored) == file.sha256
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(stored, error) from error


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path}: cannot be read ({error.strerror or error}); check its permissions or set "
        "HESCHL_HOME to another folder"
    )
