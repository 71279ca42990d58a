"""What a server's answer says: how long the file is, where it goes on, how long to wait."""

from __future__ import annotations

import re

import requests


def asked_wait(response: requests.Response) -> float:
    """Seconds that a server asks to wait; 0 if it does not say."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdigit() else 0.0


def continues(response: requests.Response, start: int) -> bool:
    """Whether an answer goes on at the byte that was asked for."""
    content_range = response.headers.get("Content-Range", "")
    return response.status_code == 206 and content_range.startswith(f"bytes {start}-")


def announced_size(response: requests.Response, start: int) -> int | None:
    """Return how large the server says that the whole file is; None if it does not say."""
    length = response.headers.get("Content-Length", "")
    if not length.isdigit() or response.headers.get("Content-Encoding", "identity") != "identity":
        return None
    return start + int(length)


def size_beyond_range(response: requests.Response) -> int | None:
    """Return how large the file is, from an answer that there is nothing in the wanted range."""
    match = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
    return None if match is None else int(match[1])


def size_in_range(response: requests.Response) -> int | None:
    """Return how large the whole file is, from an answer with a part of it; None if not said."""
    match = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", ""))
    return None if match is None else int(match[1])


def validator(response: requests.Response) -> str | None:
    """Return what ``If-Range`` takes to go on only within the same version of a file."""
    tag = response.headers.get("ETag")
    if tag is not None and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified")
