"""Archives from elsewhere: every member is checked, and only its content is used.

Where it is written, and under which name, mode and owner, is never the archive's to say.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from heschl.errors import FetchError, quoted
from heschl.fetch.pieces import BUFFER, TarBytes
from heschl.releases.installing import copy_stream

_CHUNK = 1 << 16
_LONGEST_NAME = 200
_LONGEST_END = 1 << 20  # bytes of padding after the last member

#: How the libraries report what is no archive, or a damaged one.
_DAMAGE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    ValueError,
    EOFError,
    OverflowError,
    RecursionError,
)


@dataclass(frozen=True)
class TarRules:
    """What a tar may be; all else is refused.

    Attributes
    ----------
    what : str
        What messages call its content: "the release NAME".
    compressed : bool
        Whether it is compressed by gzip. If not, it must not be: so what comes out is never larger
        than what went in.
    largest_member, largest_total : int
        In bytes, after decompression.
    most_members : int
    """

    what: str
    compressed: bool
    largest_member: int
    largest_total: int
    most_members: int

    @contextmanager
    def opened(self, path: Path) -> Iterator[tarfile.TarFile]:
        """Open a tar; a compressed one is to be read from its start to its end.

        Raises
        ------
        FetchError
            If it is none.
        """
        with contextlib.ExitStack() as stack:
            try:
                archive = stack.enter_context(self._open(path, stack))
            except _DAMAGE as error:
                kind = "gzip-compressed" if self.compressed else "uncompressed"
                raise FetchError(
                    f"{path}: no {kind} tar archive ({quoted(error)}); expected {self.what} as "
                    "published, or a folder with what is in it"
                ) from error
            except OSError as error:
                raise FetchError(f"{path}: cannot be read ({error.strerror or error})") from error
            yield archive

    def _open(self, path: Path, stack: contextlib.ExitStack) -> tarfile.TarFile:
        raw = stack.enter_context(path.open("rb", buffering=0))
        if self.compressed:  # a stream in place of a raw file: all that is asked of it, it does
            unzipped = stack.enter_context(gzip.GzipFile(fileobj=raw, mode="rb"))
            return tarfile.TarFile(fileobj=TarBytes(cast("IO[bytes]", unzipped), BUFFER))  # type: ignore[arg-type]
        return tarfile.TarFile(fileobj=TarBytes(raw, BUFFER))

    def members(self, archive: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
        """Yield the members in their order, each checked before it is yielded.

        Raises
        ------
        FetchError
            If a member is a link or a device, would be written elsewhere, or is too large; if there
            are too many, or too much in all; or if the archive is cut short or damaged.
        """
        total = 0
        for number, member in enumerate(self._read(archive, path)):
            if number >= self.most_members:
                raise FetchError(f"{path}: more than {self.most_members} members; is it another?")
            problem = _problem(member, self.largest_member)
            if problem is not None:
                raise self.refusal(path, member, problem)
            total += member.size
            if total > self.largest_total:
                raise FetchError(
                    f"{path}: more than {self.largest_total} bytes in the files of {self.what}; is "
                    "it another?"
                )
            yield member

    def _read(self, archive: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
        try:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
                yield member
            if self.compressed:
                _read_end(cast("TarBytes", archive.fileobj))
        except _DAMAGE as error:
            raise FetchError(
                f"{path}: damaged or cut short ({quoted(error)}); bring it again"
            ) from error
        except OSError as error:
            raise FetchError(f"{path}: cannot be read ({error.strerror or error})") from error

    def write(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, to: Path, path: Path
    ) -> None:
        """Write the content of a member to a new file.

        Raises
        ------
        FetchError
            If it is no plain file, or cut short.
        OSError
            If the file cannot be written.
        """
        stream = archive.extractfile(member)
        if stream is None:
            raise self.refusal(path, member, "is no plain file")
        with stream:
            try:
                n_bytes = copy_stream(stream, to)
            except _DAMAGE as error:
                raise self.refusal(path, member, f"cannot be read ({quoted(error)})") from error
        if n_bytes != member.size:
            raise self.refusal(path, member, f"ends after {n_bytes} of {member.size} bytes")

    def refusal(self, path: Path, member: tarfile.TarInfo, problem: str) -> FetchError:
        """Return the error for a member that no archive of the release has."""
        return FetchError(
            f"{path}: its member {_short(member.name)} {problem}; expected plain files and folders "
            f"of {self.what}. Nothing of it is used; bring it again, or give a folder that you "
            "unpacked and looked at"
        )


def _read_end(file: TarBytes) -> None:
    """Read what follows the last member: what is no header ends a tar, and gzip checks all."""
    if file.last != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("neither another header nor the mark of its end")
    n_bytes = 0
    while chunk := file.read(_CHUNK):
        n_bytes += len(chunk)
        if n_bytes > _LONGEST_END:
            raise tarfile.ReadError("it goes on after its end")


def _problem(member: tarfile.TarInfo, largest: int) -> str | None:
    """Return what makes a member one that no release has; None if nothing does."""
    parts = re.split(r"[/\\]", member.name)
    if not parts[0] or re.match(r"[A-Za-z]:", member.name):
        return "has an absolute path"
    if ".." in parts:
        return "leads out of the archive's folder ('..')"
    if member.issym() or member.islnk():
        return f"is a link (to {_short(member.linkname)})"
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or member.issparse():
        return "is a device or another special file"
    if not 0 <= member.size <= largest:
        return f"has {member.size} bytes, more than {largest}"
    return None


def _short(name: str) -> str:
    text = repr(name)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."
