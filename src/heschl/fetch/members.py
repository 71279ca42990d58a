"""Files that are published only as members of one large, uncompressed tar."""

from __future__ import annotations

import posixpath
import tarfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from heschl.errors import FetchError
from heschl.fetch.addresses import shown
from heschl.fetch.arrival import Progress
from heschl.fetch.asking import Refuse
from heschl.fetch.pieces import BUFFER, TarBytes
from heschl.fetch.planning import FetchPlan, RemoteFile
from heschl.fetch.taking import MemberTaking
from heschl.fetch.walking import members
from heschl.progress import bar


@dataclass(frozen=True)
class TarMembers:
    """An uncompressed tar of which only some members are wanted.

    Attributes
    ----------
    url : str
        Where it is published.
    root : str
        The folder inside it below which they lie.

    Examples
    --------
    >>> archive = TarMembers("https://127.0.0.1/nets.tar", root="checkpoints")
    >>> archive.file("word/5.pt").origin
    'https://127.0.0.1/nets.tar#checkpoints/word/5.pt'
    """

    url: str
    root: str = ""

    def file(
        self,
        member: str,
        *,
        sha256: str | None = None,
        size: int | None = None,
        check: Callable[[Path], None] | None = None,
    ) -> RemoteFile:
        """Return one member as a published file.

        Parameters
        ----------
        member : str
            Its name below ``root``, which is also where it belongs in the folder of its release.
        sha256, size, check
            As of `RemoteFile`.
        """
        name = posixpath.join(self.root, member)
        return RemoteFile(self.url, Path(member), sha256, size, check, member=name)


def install_members(plan: FetchPlan, source: Path) -> Path:
    """Take the files of a plan from a local copy of their tar, instead of downloading them.

    Parameters
    ----------
    plan : FetchPlan
        Of members of one tar.
    source : Path
        The tar itself; a folder it was unpacked into, at any level, or one with the files where
        they belong; of a plan of one file also that file, or a folder with it.

    Returns
    -------
    Path
        The folder of the release. Hashes are compared, or pinned on first use, as of a download.

    Raises
    ------
    FetchError
        If the copy has not all files, is no tar, is cut short, or a hash is another one.
    StoreError
        If the folder cannot be written.
    """
    source = Path(source).expanduser()

    def refuse(reason: str) -> FetchError:
        name = posixpath.basename(shown(plan.files[0].file.url))
        return FetchError(
            f"{source}: {reason}. Expected {name} as published, the folder it was unpacked into, "
            f"or what `heschl fetch {plan.name}` wants of it"
        )

    if not source.exists():
        raise refuse("is not there")
    total = len(plan.files)
    with bar(f"Copying {plan.name}", total, "files") as advance:
        stop, progress = threading.Event(), Progress(advance, in_bytes=False)
        jobs = {
            str(planned.file.member): MemberTaking(plan, planned.file, stop, progress, refuse)
            for planned in plan.files
        }
        with ExitStack() as claims:
            for job in sorted(jobs.values(), key=lambda job: job.path):
                claims.enter_context(job.claim())
            _install(jobs, source, refuse)
    return plan.folder


def _install(jobs: Mapping[str, MemberTaking], source: Path, refuse: Refuse) -> None:
    if source.is_dir():
        _take_files({job: _find(source, job.file, len(jobs), refuse) for job in jobs.values()})
    elif len(jobs) == 1 and source.suffix != ".tar" and not _is_tar(source, refuse):
        _take_files(dict.fromkeys(jobs.values(), source))
    else:
        _take_from_tar(jobs, source, refuse)


def _take_from_tar(jobs: Mapping[str, MemberTaking], source: Path, refuse: Refuse) -> None:
    try:
        raw = source.open("rb", buffering=0)
    except OSError as error:
        raise _unreadable(error, refuse) from error
    with TarBytes(raw, BUFFER) as tar:
        for member, info in members(tar, jobs, refuse):
            jobs[member].take(tar, info.size)


def _take_files(paths: Mapping[MemberTaking, Path]) -> None:
    for job, path in paths.items():
        try:
            handle = path.open("rb")
        except OSError as error:
            raise _unreadable(error, job.refuse) from error
        with handle:
            job.take(handle, path.stat().st_size)


def _unreadable(error: OSError, refuse: Refuse) -> FetchError:
    return refuse(f"cannot be read ({error.strerror or error})")


def _find(folder: Path, file: RemoteFile, n_files: int, refuse: Refuse) -> Path:
    """Return where a folder has a member: below any of the folders of its name, or by itself."""
    parts = PurePosixPath(str(file.member)).parts
    levels = range(len(parts) if n_files == 1 else max(len(parts) - 1, 1))
    places = [folder / file.path, *(folder.joinpath(*parts[level:]) for level in levels)]
    for place in places:
        if place.is_file():
            return place
    raise refuse(f"has no file {file.path.as_posix()}")


def _is_tar(path: Path, refuse: Refuse) -> bool:
    try:
        with path.open("rb") as handle:
            tarfile.TarInfo.frombuf(handle.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    except OSError as error:
        raise _unreadable(error, refuse) from error
    return True
