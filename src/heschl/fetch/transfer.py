"""One file by itself: the requests that complete its partial file."""

from __future__ import annotations

import requests

from heschl.errors import FetchError
from heschl.fetch.answers import announced_size, continues, size_beyond_range, validator
from heschl.fetch.arrival import Arrival, Progress
from heschl.fetch.asking import Asking, TemporaryFailureError
from heschl.fetch.limits import check_room, most_bytes
from heschl.fetch.planning import FetchPlan, RemoteFile

#: Bytes at a time; small, because what came of the last chunk of a cut connection is lost.
_CHUNK = 1 << 13


class FileDownload(Arrival):
    """The download of one file.

    Parameters
    ----------
    plan : FetchPlan
        Of the release that the file belongs to.
    file : RemoteFile
    asking : Asking
        Once its ``stop`` is set, the download ends with `CancelledError`; what came is kept.
    progress : Progress
    """

    def __init__(
        self, plan: FetchPlan, file: RemoteFile, asking: Asking, progress: Progress
    ) -> None:
        super().__init__(plan, file, asking.stop, progress)
        self.asking = asking

    def _complete(self) -> None:
        """Receive what is missing of the partial file; try again after temporary failures."""
        self.asking.persist(self._receive, self._error, self._kept)

    def _kept(self) -> str:
        n_bytes = self._n_received()
        return f"; the {n_bytes} bytes that came are kept and it goes on there" if n_bytes else ""

    def _receive(self) -> None:
        """Make one request, for the bytes that are missing, and append them."""
        start = self._n_received()
        if self.file.size is not None and start >= self.file.size:
            return  # whole, or damaged: the hash tells
        headers = {"Range": f"bytes={start}-"} if start else {}
        if start and self.first is not None:
            headers |= self.first.headers()
        nothing_more = (416,) if start else ()
        with self.asking.ask(self.file.url, headers, self._error, also=nothing_more) as response:
            if response.status_code == 416:
                if self.first is not None:
                    self.first.total = size_beyond_range(response)
                return  # the server has no more than is here: the hash or the length tells
            self._take(response, start)

    def _take(self, response: requests.Response, start: int) -> None:
        goes_on = start > 0 and continues(response, start)
        total = announced_size(response, start if goes_on else 0)
        self._check_size(total)
        if total is not None:
            check_room(self.path, total - (start if goes_on else 0))
        if start and not goes_on:
            self._forget()
        if self.first is not None:
            self.first.total = total
            if not goes_on:
                self.first.begin(validator(response))
        self._receive_from(response, total if self.file.size is None else self.file.size)

    def _receive_from(self, response: requests.Response, whole: int | None) -> None:
        """Append what an answer holds; the file is to have ``whole`` bytes after it."""
        self._append(
            response.iter_content(_CHUNK), most_bytes(self.file) if whole is None else whole
        )
        if whole is not None and self._n_received() < whole:
            raise TemporaryFailureError(
                f"the connection ended after {self._n_received()} of {whole} bytes"
            )

    def _check_size(self, total: int | None) -> None:
        """Refuse, before it comes, a file of another size; or of none, if nothing else tells."""
        if None not in (total, self.file.size) and total != self.file.size:
            raise self._error(
                f"the server offers {total} bytes; the published file has {self.file.size}. "
                "Something on the way (a proxy, a login page) may answer in its place"
            )
        if total is not None and total > most_bytes(self.file):
            raise self._error(
                f"the server offers {total} bytes; expected at most {most_bytes(self.file)} of a "
                f"{self.file.path.suffix or 'file'}. It is another file, or means harm"
            )
        if total is None and self.first is not None:
            raise self._error(
                "the server does not say how many bytes it has; expected a Content-Length, without "
                "which a truncated file could not be told, as no hash of it is published"
            )

    def _error(self, reason: str) -> FetchError:
        return refusal(self.file.origin, self.name, reason)


def refusal(origin: str, name: str, reason: str) -> FetchError:
    """Say what cannot be had from where, and what can be done.

    Parameters
    ----------
    origin : str
        Where it is published.
    name : str
        Of the release.
    reason : str
    """
    return FetchError(
        f"{origin}: {reason}. If you have a copy of the release, give it with "
        f"`heschl fetch {name} --from PATH`"
    )
