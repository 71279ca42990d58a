"""What was installed of the release, and whether it is still as it was."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from heschl import releases, store
from heschl.brain.mcdermott.release import RELEASE, TABLES, URL, folder, wanted_files
from heschl.errors import DamagedEntryError
from heschl.releases import Installed


def source(installed: Installed, dataset: str) -> dict[str, object]:
    """Return where a dataset comes from, for the provenance of results."""
    if installed.archive_sha256 is not None:
        return {"url": URL, "archive_sha256": installed.archive_sha256}
    sounds = [installed.files[path].sha256 for path in wanted_files() if path.parts[0] == "stimuli"]
    return {
        "url": URL,
        "files_sha256": {str(path): installed.files[path].sha256 for path in TABLES[dataset]},
        "sounds_sha256": hashlib.sha256(store.canonical_json(sounds).encode()).hexdigest(),
    }


def write_manifest(root: Path, archive_sha256: str | None, data: Path) -> None:
    """Hash the files below ``data`` and write the manifest into ``root``."""
    releases.write(root, URL, archive_sha256, wanted_files(), data=data)


def read_manifest() -> Installed | None:
    """Return what is installed; None if nothing is, or not all of it.

    Raises
    ------
    StoreError
        If the files are there but cannot be looked at.
    """
    installed = releases.read(folder())
    if installed is None or set(installed.files) != set(wanted_files()):
        return None
    return installed


def stored_path(path: PurePosixPath) -> Path:
    """Return where a file of the release is on this machine."""
    return folder() / releases.DATA / path


def check_unaltered(installed: Installed, dataset: str) -> None:
    """Refuse the tables of a dataset if one was altered since it was installed.

    Raises
    ------
    DamagedEntryError
        It names the file.
    """
    for path in TABLES[dataset]:
        if not installed.has(path, hashed=True):
            raise DamagedEntryError(
                f"{stored_path(path)}: was altered since it was fetched (its SHA-256 is not "
                f"{installed.files[path].sha256}); run `heschl fetch {dataset}` to bring the "
                f"release {RELEASE} again"
            )
