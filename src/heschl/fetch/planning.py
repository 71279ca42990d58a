"""What is missing: the published files of a release, held against what is on disk."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import quote

import pooch

from heschl.errors import UsageError
from heschl.fetch.addresses import shown
from heschl.fetch.pins import pinned

State = Literal["present", "missing", "damaged"]


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes
    ----------
    url : str
        Where it is published.
    path : Path
        Where it belongs, relative to the folder of its release.
    sha256 : str or None
        Of its bytes: 64 hexadecimal digits. None if it is not published: then that of the first
        complete download is pinned, and every later one must have it.
    size : int or None
        In bytes; None if not known.
    check : function of a path, optional
        Raises FetchError if a complete file cannot be the published one (the page of a portal, say)
        before its hash is pinned.
    member : str or None
        Its name inside the uncompressed tar at ``url``, of which only this member is brought; None
        if ``url`` is the file itself.
    """

    url: str = field(repr=False)
    path: Path
    sha256: str | None
    size: int | None = None
    check: Callable[[Path], None] | None = field(default=None, compare=False, repr=False)
    member: str | None = None

    @property
    def origin(self) -> str:
        """Where it is published, as it is pinned and shown: ``URL``, or ``URL#member`` of a tar.

        Without what may be secret in an address; see `heschl.fetch.addresses`.
        """
        address = shown(self.url)
        return address if self.member is None else f"{address}#{quote(self.member)}"

    def __post_init__(self) -> None:
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise UsageError(
                f"{self.origin}: the SHA-256 is {self.sha256!r}; expected 64 lower-case "
                "hexadecimal digits (print them with sha256sum FILE)"
            )
        parts = PurePosixPath(self.path.as_posix()).parts
        if not parts or self.path.is_absolute() or ".." in parts:
            raise UsageError(
                f"{self.origin}: belongs at {self.path}; expected a path relative to the folder of "
                "the release and inside it"
            )


@dataclass(frozen=True)
class PlannedFile:
    """A published file, and what is here of it.

    Attributes
    ----------
    file : RemoteFile
    state : {"present", "missing", "damaged"}
        Damaged: there, but with another hash, or with none to compare.
    partial : int
        Bytes of an interrupted download, which will be resumed.
    """

    file: RemoteFile
    state: State
    partial: int = 0

    @property
    def n_bytes(self) -> int | None:
        """Bytes to download; None if not known."""
        if self.state == "present":
            return 0
        if self.file.size is None:
            return None
        return max(self.file.size - self.partial, 0)


@dataclass(frozen=True)
class FetchPlan:
    """What a release has, and what of it is to be downloaded.

    Attributes
    ----------
    name : str
        What the user calls the release; ``heschl fetch NAME``.
    folder : Path
        Where its files belong.
    files : tuple of PlannedFile
    pins : Path or None
        The file of hashes pinned on first use, for files of which none is published.
    """

    name: str
    folder: Path
    files: tuple[PlannedFile, ...] = field(repr=False)
    pins: Path | None = None

    def __post_init__(self) -> None:
        unknown = [p.file.origin for p in self.files if p.file.sha256 is None]
        if unknown and self.pins is None:
            raise UsageError(
                f"{unknown[0]}: its SHA-256 is None; expected 64 hexadecimal digits, or a plan "
                "with a file of pins, where that of the first download is kept"
            )

    @property
    def todo(self) -> tuple[PlannedFile, ...]:
        """Files that are missing or damaged."""
        return tuple(planned for planned in self.files if planned.state != "present")

    @property
    def n_bytes(self) -> int | None:
        """Bytes to download; None if the size of a file is not known."""
        sizes = [planned.n_bytes for planned in self.todo]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def summary(self) -> str:
        """Say in one line what is missing, what is damaged, and how much is to be downloaded."""
        counts = [
            f"{sum(planned.state == state for planned in self.files)} {state}"
            for state in ("present", "missing", "damaged")
        ]
        size = "unknown size" if self.n_bytes is None else f"{self.n_bytes / 1e6:.1f} MB"
        return f"{self.name}: {', '.join(counts)} of {len(self.files)} files; {size} to download"


def part_path(path: Path) -> Path:
    """Return where a file grows while it is being downloaded."""
    return path.with_name(path.name + ".part")


def is_offline() -> bool:
    """Whether ``HESCHL_OFFLINE`` forbids downloads; the environment is read at every call."""
    return os.environ.get("HESCHL_OFFLINE", "") not in ("", "0")


def plan(
    name: str, files: Iterable[RemoteFile], folder: Path, *, pins: Path | None = None
) -> FetchPlan:
    """Decide what is to be downloaded, without a request and without a change on disk.

    Parameters
    ----------
    name : str
        What the user calls the release.
    files : iterable of RemoteFile
    folder : Path
        Where they belong; it need not be there.
    pins : Path, optional
        The file of hashes pinned on first use; needed if the hash of a file is None.

    Returns
    -------
    FetchPlan
        Every file that is there has been hashed.

    Raises
    ------
    UsageError
        If the hash of a file is None and there is no file of pins.
    FetchError
        If the file of pins cannot be understood.
    """
    return FetchPlan(name, folder, tuple(look_at(file, folder, pins) for file in files), pins)


def look_at(file: RemoteFile, folder: Path, pins: Path | None) -> PlannedFile:
    """Hold one published file against what is on disk."""
    path = folder / file.path
    part = part_path(path)
    partial = part.stat().st_size if part.is_file() else 0
    if not path.is_file():
        return PlannedFile(file, "missing", partial)
    if file.size is not None and path.stat().st_size != file.size:
        return PlannedFile(file, "damaged", partial)
    sha256 = expected_sha256(file, pins)
    matches = sha256 is not None and pooch.file_hash(path, alg="sha256") == sha256
    return PlannedFile(file, "present" if matches else "damaged", partial)


def expected_sha256(file: RemoteFile, pins: Path | None) -> str | None:
    """Return the published or the pinned hash of a file; None before its first download."""
    if file.sha256 is None and pins is not None:
        return pinned(pins, file.origin)
    return file.sha256
