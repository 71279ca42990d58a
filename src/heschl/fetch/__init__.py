"""Downloads: decide what is missing, then bring it; pinned hashes, resume, retries, offline switch.

Where no hash is published, that of the first complete download is pinned (`RemoteFile.sha256` None)
and shown to the user; later downloads must have it.

Hashes are pooch's. Its downloads cannot be resumed, and between two names of a file nobody holds
the claim on it, so they are not used: every file grows as ``NAME.part`` beside its place and is put
there in one step, once it is verified. An interrupted download leaves nothing else behind, and the
next one goes on from there.
"""

from __future__ import annotations

from heschl.fetch.downloading import download
from heschl.fetch.members import TarMembers, install_members
from heschl.fetch.pins import check_pin, pin, pinned
from heschl.fetch.planning import (
    FetchPlan,
    PlannedFile,
    RemoteFile,
    State,
    is_offline,
    part_path,
    plan,
)

__all__ = [
    "FetchPlan",
    "PlannedFile",
    "RemoteFile",
    "State",
    "TarMembers",
    "check_pin",
    "download",
    "install_members",
    "is_offline",
    "part_path",
    "pin",
    "pinned",
    "plan",
]
