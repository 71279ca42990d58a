"""Members of a tar on a server, each by itself where it serves ranges, else as the tar passes.

A server that serves ranges is asked for the headers, one after the other, and then for the wanted
members alone, which are resumed like any other file. From one that does not, the tar is received
once from its start, and only the wanted members are kept.
"""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from heschl.errors import FetchError
from heschl.fetch.addresses import shown
from heschl.fetch.answers import continues
from heschl.fetch.arrival import Progress
from heschl.fetch.asking import Asking
from heschl.fetch.limits import MOST_OF_TAR
from heschl.fetch.pieces import BUFFER, NoRangesError, RangedBytes, StreamedBytes, TarBytes
from heschl.fetch.planning import FetchPlan, RemoteFile, look_at
from heschl.fetch.taking import MemberTaking
from heschl.fetch.transfer import FileDownload, refusal
from heschl.fetch.walking import members
from heschl.progress import bar

log = logging.getLogger("heschl")


@dataclass(frozen=True)
class Place:
    """Where a member lies in its tar, and in which version of the tar (None: not said)."""

    offset: int
    size: int
    version: str | None


@dataclass(frozen=True)
class Survey:
    """What was found out about one tar.

    Attributes
    ----------
    places : dict of str to Place, or None
        Of the wanted members by their names; None if only the whole tar is to be had.
    size : int or None
        Of the tar in bytes, if the server says it.
    """

    places: dict[str, Place] | None
    size: int | None

    def sized(self, file: RemoteFile) -> RemoteFile:
        """Return a member with the size it has in the tar, if no other is published."""
        if self.places is None or file.size is not None:
            return file
        return replace(file, size=self.places[str(file.member)].size)


def survey(url: str, files: Sequence[RemoteFile], name: str, asking: Asking) -> Survey:
    """Find members in a tar on a server, by the headers alone if it serves ranges.

    Parameters
    ----------
    url : str
    files : sequence of RemoteFile
        The wanted members.
    name : str
        Of the release.
    asking : Asking

    Raises
    ------
    FetchError
        If it cannot be read, is no tar, or has not all of them as files.
    """

    def refuse(reason: str) -> FetchError:
        return refusal(shown(url), name, reason)

    remote = RangedBytes(url, asking, refuse)
    tar = TarBytes(remote, BUFFER)
    try:
        tar.peek(1)
    except NoRangesError as error:
        return Survey(None, error.size)
    wanted = {str(file.member) for file in files}
    label, size = f"Searching {posixpath.basename(shown(url))}", (remote.size or 0) / 1e6
    with bar(label, size, "MB") as advance:
        ends = [0]

        def passed(end: int) -> None:
            advance((end - ends[-1]) / 1e6)
            ends.append(end)

        places = {}
        for member, info in members(tar, wanted, refuse, passed):
            if remote.size is not None and info.offset_data + info.size > remote.size:
                raise refuse(f"the tar is cut short: it ends inside its member {member}")
            places[member] = Place(info.offset_data, info.size, remote.version)
    return Survey(places, remote.size)


class MemberDownload(FileDownload):
    """The download of one member that lies at a known place of a tar.

    Parameters
    ----------
    plan, file, asking, progress
        As of `FileDownload`.
    place : Place
    """

    def __init__(
        self,
        plan: FetchPlan,
        file: RemoteFile,
        asking: Asking,
        progress: Progress,
        place: Place,
    ) -> None:
        super().__init__(plan, file, asking, progress)
        self.place = place

    def _complete(self) -> None:
        self._check_size(self.place.size)
        if self.first is not None:
            self.first.total = self.place.size
            if self._n_received() and self.first.version() not in (None, self.place.version):
                self._forget()
        super()._complete()

    def _receive(self) -> None:
        start, place = self._n_received(), self.place
        if start >= place.size:
            return  # whole, or damaged: the hash or the length tells
        begin = place.offset + start
        headers = {"Range": f"bytes={begin}-{place.offset + place.size - 1}"}
        if place.version is not None:
            headers["If-Range"] = place.version
        with self.asking.ask(self.file.url, headers, self._error, also=(416,)) as response:
            if not continues(response, begin):
                raise self._error("was replaced while it was read; run the same command again")
            if self.first is not None and not start:
                self.first.begin(place.version)
            self._receive_from(response, place.size)


class TarStream:
    """Members of one tar of which the server sends only the whole.

    Parameters
    ----------
    plan : FetchPlan
    files : sequence of RemoteFile
        Members of one tar.
    asking : Asking
    progress : Progress
        All bytes of the tar are counted.
    """

    def __init__(
        self, plan: FetchPlan, files: Sequence[RemoteFile], asking: Asking, progress: Progress
    ) -> None:
        self.plan = plan
        self.url = files[0].url
        self.asking = asking
        self.progress = progress
        self.jobs = {
            str(file.member): MemberTaking(plan, file, asking.stop, progress, self._error)
            for file in files
        }

    def run(self) -> None:
        """Receive the tar until all members are in their places.

        Raises
        ------
        FetchError, StoreError, CancelledError
            As `Arrival.run`.
        """
        log.warning(
            "%s: its server sends only the whole archive, which passes through; only %s of it will "
            "be kept. An interrupted download starts again, but for files that are finished",
            shown(self.url),
            ", ".join(job.file.path.as_posix() for job in self.jobs.values()),
        )
        with ExitStack() as claims:
            for job in sorted(self.jobs.values(), key=lambda job: job.path):
                claims.enter_context(job.claim())
            self.asking.persist(self._pass, self._error, lambda: "; finished files are kept")

    def _pass(self) -> None:
        """Make one request and take from its answer what is not here yet."""
        plan = self.plan
        left = {
            member: job
            for member, job in self.jobs.items()
            if look_at(job.file, plan.folder, plan.pins).state != "present"
        }
        if not left:
            return
        with self.asking.ask(self.url, {}, self._error) as response:
            stream = StreamedBytes(
                response, self._error, self.asking.stop, self.progress.received, MOST_OF_TAR
            )
            tar = TarBytes(stream, BUFFER)
            try:
                for member, info in members(tar, left, self._error):
                    left[member].take(tar, info.size)
            except BaseException:
                self.progress.received(-stream.received)
                raise

    def _error(self, reason: str) -> FetchError:
        return refusal(shown(self.url), self.plan.name, reason)
