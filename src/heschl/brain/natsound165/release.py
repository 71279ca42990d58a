"""What is published, and where: the pinned commit, tables, sounds and hashes."""

from __future__ import annotations

import csv
import functools
import hashlib
import io
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from heschl import store
from heschl.errors import FetchError
from heschl.fetch import RemoteFile

NAME = "natsound165"
COMMIT = "b41b99ff620d7997dbf278fc770f58566707726a"
BASE_URL = f"https://raw.githubusercontent.com/snormanhaignere/natsound165-neuron2015/{COMMIT}"

COMPONENTS = Path("data/components.mat")
COMPONENTS_SHA256 = "a34f9a4c648de56d075f249a0f09f67281cde024d0ca184347436e540ab0a66e"
COMPONENTS_SIZE = 519_820

CATEGORIES = Path("sounds/category_labels.csv")
CATEGORIES_SHA256 = "747c213ec40ede8ccac7af2ba2d0ecc9d6dfbccbe5befeb6888beb5201b35fbc"
CATEGORIES_SIZE = 4_983

#: Every sound: mono, 16 bit, 88,200 samples at 44,100 Hz after a header of 44 bytes.
SAMPLE_RATE = 44_100
DURATION = 2.0
WAV_SIZE = 176_444


@dataclass(frozen=True)
class ReleasedSound:
    """One row of ``natsound165.csv``.

    Attributes
    ----------
    name : str
    fold : int
    sha256_file : str
        Of the published WAV file.
    sha256_samples : str
        Of the decoded samples, int16 little-endian: it stays the same in every lossless format,
        which `sha256_file` does not.
    """

    name: str
    fold: int
    sha256_file: str
    sha256_samples: str

    @property
    def path(self) -> Path:
        """Where it is, here and in the published repository."""
        return Path("sounds/wav") / f"{self.name}.wav"


@functools.cache
def released_sounds() -> tuple[ReleasedSound, ...]:
    """Return the 165 sounds in the order of the dataset."""
    text = (resources.files("heschl.brain.natsound165") / "natsound165.csv").read_text(
        encoding="utf-8"
    )
    rows = csv.DictReader(io.StringIO(text))
    return tuple(
        ReleasedSound(row["name"], int(row["fold"]), row["sha256_file"], row["sha256_samples"])
        for row in rows
    )


def table_sha256() -> str:
    """Return one hash over the pinned table, whatever the line ends of its file."""
    rows = [[s.name, s.fold, s.sha256_file, s.sha256_samples] for s in released_sounds()]
    return hashlib.sha256(store.canonical_json(rows).encode()).hexdigest()


def remote_files() -> tuple[RemoteFile, ...]:
    """Return the published files: the two tables, then the sounds in the order of the dataset."""
    tables = (
        (COMPONENTS, COMPONENTS_SHA256, COMPONENTS_SIZE),
        (CATEGORIES, CATEGORIES_SHA256, CATEGORIES_SIZE),
    )
    sounds = ((sound.path, sound.sha256_file, WAV_SIZE) for sound in released_sounds())
    return tuple(
        RemoteFile(f"{BASE_URL}/{path.as_posix()}", path, sha256, size)
        for path, sha256, size in (*tables, *sounds)
    )


def read_bytes(path: Path) -> bytes:
    """Read a file of the release, in a local copy or in the store.

    Raises
    ------
    FetchError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FetchError(
            f"{path}: cannot be read ({error.strerror or error}); check its permissions"
        ) from error
