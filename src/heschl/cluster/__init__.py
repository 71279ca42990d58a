"""Studies on many processes and machines, by Dask (extra ``cluster``)."""

from __future__ import annotations

from heschl.cluster.crew import gather
from heschl.cluster.description import QueueDescription, read_queue
from heschl.cluster.places import Local, Queue, Scheduler, parse_place
from heschl.cluster.serving import serve
from heschl.cluster.starting import job_script
from heschl.cluster.supplies import Supply

__all__ = [
    "Local",
    "Queue",
    "QueueDescription",
    "Scheduler",
    "Supply",
    "gather",
    "job_script",
    "parse_place",
    "read_queue",
    "serve",
]
