"""What a forecast is made from, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from heschl.studies.costs import NOTHING, Cost

#: Operations a second of a GPU in networks and probes that the cores do at the pace of large matrix
#: products. Conservative: a quarter of the 19.5e12 of single precision that the data sheet of an
#: NVIDIA A100 says without tensor cores, which torch does not use for it unless it is told to.
GPU_SPEED = 5e12
#: Bytes a second of a shared file system, all workers together: one 10 Gbit/s link.
BANDWIDTH = 1.0e9
#: Seconds of the user's process for a job: three questions to the scheduler (1 ms with 2 workers,
#: 2 ms with 64), a submission and its end (up to 7 ms), all measured with Dask 2026.8.
DECISION = 0.01
#: Seconds until a worker is there and has loaded its libraries.
START = 6.0


@dataclass(frozen=True)
class Worker:
    """A process that does one job at a time.

    Attributes
    ----------
    cores : int
    memory : float or None
        Bytes; None has as much as it needs.
    gpu : bool
    """

    cores: int = 1
    memory: float | None = None
    gpu: bool = False


@dataclass(frozen=True)
class Conditions:
    """What all workers share, and how fast their parts are.

    Attributes
    ----------
    core_speed, gpu_speed : float
        Operations a second of a core, in products of large matrices, and of a GPU, in networks.
    bandwidth : float
        Bytes a second of the file system, all workers together.
    decision : float
        Seconds of the user's process for each job.
    start : float
        Seconds until workers are there.
    """

    core_speed: float
    gpu_speed: float = GPU_SPEED
    bandwidth: float = BANDWIDTH
    decision: float = DECISION
    start: float = START


@dataclass(frozen=True)
class Piece:
    """What a job takes: of itself, and where something is not at hand in the process.

    Attributes
    ----------
    cost : Cost
    model : str
        That has to be at hand, one at a time; "" is none.
    loading : Cost
        Of the model.
    data : str
        That has to be at hand, and stays; "" is none.
    opening : Cost
        Of the data.
    on_gpu : bool
        Whether it asks for a GPU, if workers have any.
    """

    cost: Cost
    model: str = ""
    loading: Cost = NOTHING
    data: str = ""
    opening: Cost = NOTHING
    on_gpu: bool = False


@dataclass(frozen=True)
class Forecast:
    """How a study goes on a cluster.

    Attributes
    ----------
    seconds : float
        Until the last job is over; the tables come after.
    n_jobs, n_workers : int
    busy : float
        Share of the workers' time in which they do something.
    gpus : float
        Share of the time of GPUs in which networks or probes run on them; 0 without.
    cores : float
        Share of the time of all cores that is used.
    core_seconds : float
        Seconds of cores that are used, with one of each worker until it is there.
    bytes_moved : float
        Between workers and the file system.
    memory : float
        Bytes of the largest job.
    too_large : int
        Jobs that need more memory than any worker has: they are tried all the same.
    bounds : mapping of str to float
        Seconds that it takes at least, by what bounds it: the "longest chain" of an extraction and
        an analysis after it; the "workers", or those of them with "GPUs", for what only they do;
        the "file system"; the "decisions" of the user's process.
    """

    seconds: float
    n_jobs: int
    n_workers: int
    busy: float
    gpus: float
    cores: float
    core_seconds: float
    bytes_moved: float
    memory: float
    too_large: int
    bounds: Mapping[str, float] = field(default_factory=dict)

    @property
    def bottleneck(self) -> str:
        """What bounds it most."""
        return max(self.bounds, key=lambda name: self.bounds[name])
