"""What workers have, and what jobs need of it.

Workers declare, in Dask's way (``--resources``), ``CORES``, ``MEMORY`` in bytes and ``GPU``; a job
is given to a worker that has what it needs. What no worker declares is not asked for. Sizes of
memory are estimates: where no worker has so much, the one with most is tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

from heschl.brain import DATASETS
from heschl.cluster.description import QueueDescription
from heschl.cluster.sizes import n_bytes
from heschl.errors import ClusterError
from heschl.models import facts
from heschl.studies.costs import analysis, extraction
from heschl.studies.names import base_name
from heschl.studies.sizes import DataSize, ModelSize, data_size
from heschl.studies.steps import Step
from heschl.tasks import TASKS
from heschl.threads import n_threads

CORES, MEMORY, GPU = "CORES", "MEMORY", "GPU"
#: Share of a machine's memory that its workers have together.
SHARE = 0.9


@dataclass(frozen=True)
class Supply:
    """What one worker process has.

    Attributes
    ----------
    cores : int
    memory : int or None
        Bytes; None declares nothing.
    gpus : int
    """

    cores: int
    memory: int | None = None
    gpus: int = 0

    def resources(self) -> dict[str, float]:
        """Return it as Dask wants it."""
        found: dict[str, float] = {CORES: self.cores}
        if self.memory is not None:
            found[MEMORY] = self.memory
        if self.gpus:
            found[GPU] = self.gpus
        return found

    def argument(self) -> str:
        """Return it as ``dask worker --resources`` takes it."""
        return " ".join(f"{name}={value:.0f}" for name, value in self.resources().items())


def of_machine(n_processes: int) -> Supply:
    """Return what each of some processes has, if they divide this machine among them."""
    memory = int(SHARE * psutil.virtual_memory().total / n_processes)
    return Supply(max(1, n_threads() // n_processes), memory)


def of_queue(said: QueueDescription) -> Supply:
    """Return what each worker of a batch system has."""
    return Supply(said.cores, n_bytes(said.memory), said.gpus)


def demand(
    step: Step,
    declared: Sequence[Mapping[str, float]],
    *,
    extracts: bool,
    device: str | None,
    n_jobs: int | None,
) -> dict[str, float]:
    """Return what a job asks of a worker.

    Parameters
    ----------
    step : Step
        Its step, or one of them.
    declared : sequence of mapping of str to float
        What each worker declares.
    extracts : bool
        Whether it is an extraction.
    device : str or None
        Where models and probes run.
    n_jobs : int or None
        Threads of an analysis; all cores of the smallest worker by default.

    Raises
    ------
    ClusterError
        If it needs a GPU and no worker has one.
    """
    most = {name: max(one.get(name, 0) for one in declared) for name in _names(declared)}
    wanted: dict[str, float] = {}
    if CORES in most:
        wanted[CORES] = min(n_jobs or cores(declared), most[CORES])
    needed = memory(step, extracts=extracts)
    if MEMORY in most and needed is not None:
        wanted[MEMORY] = min(needed, most[MEMORY])
    if device is not None and device.startswith("cuda") and (extracts or step.probes):
        if GPU not in most:
            raise ClusterError(
                f"device is {device}, but none of {len(declared)} workers has a GPU; expected "
                "workers that declare one: heschl worker --gpus 1, or gpus: 1 in the cluster file"
            )
        wanted[GPU] = 1
    return wanted


def cores(declared: Sequence[Mapping[str, float]]) -> int:
    """Return the cores of the smallest worker; one where none declares them."""
    known = [int(one[CORES]) for one in declared if CORES in one]
    return max(1, min(known)) if known else 1


def memory(step: Step, *, extracts: bool) -> float | None:
    """Return how many bytes a job takes, about; None if nothing is known of model or data."""
    known = facts(base_name(step.model))
    if known.parameters is None or known.layers is None or known.features is None:
        return None
    model = ModelSize(known.parameters, known.layers, known.features, known.gflop or 0.0)
    size = _data_size(step)
    if extracts:
        return extraction(model, size or DataSize(0, 0.0)).memory
    return None if size is None else analysis(step, model, size).memory


def _data_size(step: Step) -> DataSize | None:
    spec = TASKS.get(step.data) if step.probes else DATASETS.get(step.data)
    return None if spec is None else data_size(spec)


def _names(declared: Sequence[Mapping[str, float]]) -> set[str]:
    return {name for one in declared for name in one}
