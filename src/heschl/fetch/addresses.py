"""Addresses: which are asked, where an answer may lead, and how they are shown.

An address may hold a secret: a user and password before the host, a signature or token after the
question mark. It is sent to that host, and shown, logged, pinned or kept nowhere.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit, urlunsplit

from requests.auth import AuthBase, HTTPBasicAuth

if TYPE_CHECKING:
    import requests

    from heschl.errors import FetchError

#: How often an answer may say that the file is elsewhere.
MOST_REDIRECTS = 5

#: Parameters that published addresses have, and that are no secrets.
_KNOWN = frozenset({"download"})
_HIDDEN = "***"

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)
_QUERY = re.compile(r"\?[^\s'\")>]+")


def shown(url: str) -> str:
    """Return an address without its user, password, and the values of its parameters.

    Examples
    --------
    >>> shown("https://me:secret@127.0.0.1/a.pt?download=1&token=abc")
    'https://127.0.0.1/a.pt?download=1&token=***'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return _HIDDEN
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(
        f"{name}={value if name in _KNOWN else _HIDDEN}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return urlunsplit((parts.scheme, host, parts.path, query, parts.fragment))


def without_secrets(text: str) -> str:
    """Return what a library says, with its addresses as `shown`, and other parameters hidden."""
    text = _ADDRESS.sub(lambda found: shown(found[0]), text)
    return _QUERY.sub(lambda found: found[0] if _is_known(found[0]) else f"?{_HIDDEN}", text)


def _is_known(query: str) -> bool:
    return all(
        name in _KNOWN or value == _HIDDEN
        for name, value in parse_qsl(query[1:], keep_blank_values=True)
    )


def check_address(url: str, refuse: Callable[[str], FetchError]) -> SplitResult:
    """Refuse an address that is not encrypted, unless it is of this machine.

    Raises
    ------
    FetchError
        As ``refuse`` makes it.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise refuse("no address; expected https://HOST/PATH") from error
    if host and (parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))):
        return parts
    raise refuse(
        f"{shown(url)[:200]} is not asked, because on the way anybody could read and alter what "
        "comes; expected an address that begins with https:// (http:// only of this machine)"
    )


def is_this_machine(host: str) -> bool:
    """Whether a host is the machine itself, by its name or number; nobody is asked."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def next_address(url: str, location: str, refuse: Callable[[str], FetchError]) -> str:
    """Return where an answer leads.

    Parameters
    ----------
    url : str
        That was asked.
    location : str
        Of the answer; it may be relative.
    refuse : callable
        Makes the error of a reason.

    Raises
    ------
    FetchError
        If it leads from an encrypted address to another, or is one that is not asked.
    """
    try:
        following = urljoin(url, location)
    except ValueError as error:
        raise refuse("leads to what is no address") from error
    parts = check_address(following, refuse)
    if urlsplit(url).scheme == "https" and parts.scheme != "https":
        raise refuse(f"leads to {shown(following)[:200]}; expected an address with https://")
    return following


class OfAddress(AuthBase):
    """Who asks: the user and password in an address itself, if it has them.

    They are sent to its host; where that leads elsewhere, nothing is sent but what the next address
    says. The file ``.netrc`` of the user, in which requests would look, is not read.
    """

    def __call__(  # noqa: D102 - for requests
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        parts = urlsplit(request.url or "")
        if parts.username or parts.password:
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
            return HTTPBasicAuth(user, password)(request)
        return request
