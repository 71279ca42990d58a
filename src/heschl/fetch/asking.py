"""Requests to a server: what can be tried again, how often, and what is said in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TypeVar

import requests

from heschl.errors import FetchError
from heschl.fetch.addresses import (
    MOST_REDIRECTS,
    OfAddress,
    check_address,
    next_address,
    without_secrets,
)
from heschl.fetch.answers import asked_wait

#: The longest wait, in seconds, that a server may ask for with ``Retry-After``.
LONGEST_WAIT = 60.0

#: Seconds to connect, and of silence before a connection counts as cut.
TIMEOUT = (10.0, 30.0)

_TRY_AGAIN = frozenset({408, 425, 429})

Refuse = Callable[[str], FetchError]
"""Makes the error of a reason: says what was asked for and what the user can do."""

OutT = TypeVar("OutT")


class TemporaryFailureError(Exception):
    """Something that may work at the next attempt.

    Parameters
    ----------
    reason : str
    wait : float
        Seconds that the server asks to wait.
    """

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Asking:
    """How servers are asked.

    Parameters
    ----------
    session : requests.Session
    waits : sequence of float
        Seconds before each further attempt after a temporary failure.
    stop : threading.Event
        Once it is set, waiting ends with `CancelledError`.
    """

    def __init__(
        self, session: requests.Session, waits: Sequence[float], stop: threading.Event
    ) -> None:
        self.session = session
        self.waits = tuple(waits)
        self.stop = stop

    @contextmanager
    def ask(
        self,
        url: str,
        headers: Mapping[str, str],
        refuse: Refuse,
        *,
        also: Collection[int] = (),
    ) -> Iterator[requests.Response]:
        """Make one request; failures of it and of reading its answer become errors of ours.

        Parameters
        ----------
        url : str
        headers : mapping of str to str
        refuse : callable
            Makes the error of a reason.
        also : collection of int, optional
            Statuses that are taken besides 200 and 206.

        Raises
        ------
        TemporaryFailureError
            If it may work at the next attempt.
        FetchError
            If it will not, or if it is not encrypted: of the address, or where it leads.
        """
        with translated(refuse), self._followed(url, headers, refuse) as response:
            _check_status(response, refuse, also)
            yield response

    @contextmanager
    def _followed(
        self, url: str, headers: Mapping[str, str], refuse: Refuse
    ) -> Iterator[requests.Response]:
        """Ask, and ask again where an answer leads: each address is looked at before."""
        check_address(url, refuse)
        for _ in range(MOST_REDIRECTS + 1):
            with self._answer(url, headers, refuse) as response:
                if not response.is_redirect:
                    yield response
                    return
                url = next_address(url, response.headers["Location"], refuse)
        raise refuse(f"leads from one address to another, more than {MOST_REDIRECTS} times")

    def _answer(self, url: str, headers: Mapping[str, str], refuse: Refuse) -> requests.Response:
        try:
            return self.session.get(
                url,
                headers=headers,
                stream=True,
                timeout=TIMEOUT,
                allow_redirects=False,
                auth=OfAddress(),
            )
        except requests.exceptions.RequestException:
            raise
        except ValueError as error:  # the library also looks at where the answer leads
            raise refuse("leads to what is no address") from error

    def persist(
        self, once: Callable[[], OutT], refuse: Refuse, kept: Callable[[], str] = str
    ) -> OutT:
        """Return what ``once`` returns; call it again after temporary failures.

        Parameters
        ----------
        once : callable
        refuse : callable
            Makes the error of a reason.
        kept : callable, optional
            Says, at the end of the last failure, what of it is kept.
        """
        for wait in self.waits:
            try:
                return once()
            except TemporaryFailureError as failure:
                if self.stop.wait(max(wait, failure.wait)):
                    raise CancelledError from failure
        try:
            return once()
        except TemporaryFailureError as failure:
            raise refuse(
                f"{failure}, also after {len(self.waits)} more attempts. Try again later{kept()}"
            ) from failure


@contextmanager
def translated(refuse: Refuse) -> Iterator[None]:
    """Make our errors of those of requests, which would else pass for those of files."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise refuse(f"no secure connection ({_cause(error)})") from error
    except (
        requests.exceptions.ConnectionError,
        requests.exceptions.Timeout,
        requests.exceptions.ChunkedEncodingError,
    ) as error:
        raise TemporaryFailureError(f"the connection failed ({_cause(error)})") from error
    except requests.exceptions.RequestException as error:
        raise refuse(f"the request failed ({_cause(error)})") from error


def _cause(error: Exception) -> str:
    """Return what is behind an error, without the attempts of the library around it."""
    inner = error.args[0] if error.args else error
    return without_secrets(str(getattr(inner, "reason", None) or inner))


def _check_status(response: requests.Response, refuse: Refuse, also: Collection[int]) -> None:
    status = response.status_code
    said = f"the server answered {status} {response.reason}"
    if status in _TRY_AGAIN or status >= 500:
        raise TemporaryFailureError(said, min(asked_wait(response), LONGEST_WAIT))
    if status not in (200, 206, *also):
        raise refuse(f"{said}; expected the file. It may have been moved or withdrawn")
