"""The first download of a file of which no hash is known: what can be told, and the pin."""

from __future__ import annotations

from pathlib import Path

import pooch

from heschl.errors import FetchError
from heschl.fetch.pins import pin
from heschl.fetch.planning import RemoteFile


class FirstUse:
    """What replaces the hash while a file grows whose hash is to be pinned.

    Its length, as the server says it, tells a truncated file; the server's mark of the version
    (kept beside the part) keeps a resumed file from becoming half of one version and half of
    another; the file's own check tells something else that came in its place.

    Parameters
    ----------
    file : RemoteFile
    part : Path
        Where it grows.
    pins : Path
    """

    def __init__(self, file: RemoteFile, part: Path, pins: Path) -> None:
        self.file = file
        self.part = part
        self.pins = pins
        self.total: int | None = None
        self._version = part.with_name(f"{part.name}.version")

    def headers(self) -> dict[str, str]:
        """Return what asks the server to go on only if the file is still the same."""
        mark = self.version()
        return {} if mark is None else {"If-Range": mark}

    def version(self) -> str | None:
        """Return the mark of the version that the part is of; None if the server gave none."""
        try:
            return self._version.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return None  # the length is compared

    def begin(self, mark: str | None) -> None:
        """Note the mark of the version of the file that is being received from its start."""
        self.forget()
        if mark is not None and mark.isascii():
            self._version.write_text(mark, encoding="ascii")

    def forget(self) -> None:
        """Forget the version, because the part is emptied or complete."""
        self._version.unlink(missing_ok=True)

    def fault(self, size: int) -> str | None:
        """Return why a file of so many bytes cannot be pinned; None if it can."""
        if size != self.total:
            return f"{size} bytes came of {self.total} that the server offers; nothing was kept"
        if self.file.check is not None:
            try:
                self.file.check(self.part)
            except FetchError as error:
                return (
                    f"what came is not the published file: {error}. Something on the way (a "
                    "proxy, a login page) may have answered in its place; nothing was kept"
                )
        return None

    def accept(self) -> None:
        """Pin the hash and show it."""
        pin(self.pins, self.file.origin, pooch.file_hash(self.part, alg="sha256"))
        self.forget()
