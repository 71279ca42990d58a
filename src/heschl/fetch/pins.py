"""Hashes pinned on first use, for published files of which no hash is published.

The pins are lines ``SHA-256  URL`` of a text file, for people to read, compare and remove.
"""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import threading
from pathlib import Path

from heschl.errors import FetchError, StoreError
from heschl.fetch.claims import claimed

log = logging.getLogger("heschl")

_HEAD = (
    "# SHA-256 of what was downloaded first, pinned by heschl; remove a line to accept another\n"
)


def pinned(pins: Path, url: str) -> str | None:
    """Return the pinned SHA-256 of a URL; None if it has none yet.

    Parameters
    ----------
    pins : Path
        The file of pins; it need not be there.
    url : str

    Raises
    ------
    FetchError
        If a line cannot be understood, or a URL has two pins: neither can be trusted.
    """
    return _read(pins).get(url)


def pin(pins: Path, url: str, sha256: str) -> None:
    """Pin a hash that is not pinned yet, and show it to the user.

    The file is replaced in one step, and two processes do not write it at the same time.

    Raises
    ------
    FetchError
        If another hash is pinned, or the file of pins cannot be understood.
    StoreError
        If it cannot be written.
    """
    try:
        pins.parent.mkdir(parents=True, exist_ok=True)
        with claimed(pins.with_name(f"{pins.name}.lock"), threading.Event()):
            check_pin(pins, url, sha256)
            if pinned(pins, url) is not None:
                return
            _replace(pins, f"{_text(pins) or _HEAD}{sha256}  {url}\n")
    except OSError as error:
        raise StoreError(
            f"cannot write {pins}: {error.strerror or error}. Free some space or set HESCHL_HOME "
            "to a folder that you may write"
        ) from error
    log.warning(
        "pinned sha256 %s of %s in %s; compare with a colleague's, no hash is published",
        sha256,
        url,
        pins,
    )


def check_pin(pins: Path, url: str, sha256: str) -> None:
    """Refuse a hash other than the pinned one; any hash is good where none is pinned.

    Raises
    ------
    FetchError
    """
    known = pinned(pins, url)
    if known is not None and known != sha256:
        raise FetchError(f"{url}: {not_as_pinned(pins, sha256, known)}")


def not_as_pinned(pins: Path, found: str, known: str) -> str:
    """Say that a hash is not the pinned one, and how to accept it."""
    return (
        f"SHA-256 {found}; the one pinned in {pins}, when it was first used, is {known}. The file "
        "was replaced where it is published, or altered on the way. If you know why (ask its "
        "authors, compare with a colleague's), remove the line of this URL from that file to "
        "accept the new one; nothing was kept"
    )


def _read(pins: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(_text(pins).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([0-9a-f]{64}) +(\S+)", line.strip())
        if match is None or match[2] in found:
            problem = "is no pin" if match is None else f"pins {match[2]} a second time"
            raise FetchError(
                f"{pins}, line {number}: {line.strip()[:100]!r} {problem}; expected 64 lower-case "
                "hexadecimal digits, two spaces and a URL, once for each URL. Repair or remove it"
            )
        found[match[2]] = match[1]
    return found


def _text(pins: Path) -> str:
    try:
        text = pins.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise FetchError(
            f"{pins}: cannot be read ({error}); check its permissions, or remove it to pin anew"
        ) from error
    return text if not text or text.endswith("\n") else f"{text}\n"


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
