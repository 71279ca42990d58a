"""Where a cluster is: what may be written after ``--cluster``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from heschl.cluster.description import QueueDescription, read_queue
from heschl.errors import UsageError

#: More processes than this on one machine are a slip of the pen.
MOST_LOCAL = 1000
MOST_PORTS = 65_535
_FORMS = (
    "local:N for N processes of this machine, tcp://HOST:PORT or tls://HOST:PORT of a Dask "
    "scheduler, or a file that ends with .yaml and describes the workers of a batch system"
)


@dataclass(frozen=True)
class Local:
    """Processes of this machine.

    Attributes
    ----------
    n_workers : int
    """

    n_workers: int


@dataclass(frozen=True)
class Scheduler:
    """A Dask scheduler that runs already, with workers of its own.

    Attributes
    ----------
    address : str
    """

    address: str


@dataclass(frozen=True)
class Queue:
    """Workers that a batch system starts.

    Attributes
    ----------
    description : QueueDescription
    """

    description: QueueDescription = field(repr=False)


Place = Local | Scheduler | Queue


def parse_place(text: str) -> Place:
    """Return what a text says.

    Raises
    ------
    UsageError
        If it has none of the forms.
    InputError
        If the file is not as it has to be.

    Examples
    --------
    >>> parse_place("local:4")
    Local(n_workers=4)
    """
    if (found := re.fullmatch(r"local:([0-9]{1,6})", text)) is not None:
        n_workers = int(found[1])
        if not 1 <= n_workers <= MOST_LOCAL:
            raise UsageError(f"{text}: expected between 1 and {MOST_LOCAL} processes")
        return Local(n_workers)
    if (found := re.fullmatch(r"(?:tcp|tls)://[^/\s]+:([0-9]{1,6})", text)) is not None:
        if not 1 <= int(found[1]) <= MOST_PORTS:
            raise UsageError(f"{text}: port {found[1]}; expected one up to {MOST_PORTS}")
        return Scheduler(text)
    if text.endswith((".yaml", ".yml")):
        return Queue(read_queue(Path(text).expanduser()))
    raise UsageError(f"cluster is {text!r}; expected {_FORMS}")
