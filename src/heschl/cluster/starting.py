"""A cluster is started, or one that runs is reached."""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from heschl import store
from heschl.cluster import settings
from heschl.cluster.description import QueueDescription
from heschl.cluster.places import Local, Place, Queue, Scheduler
from heschl.cluster.supplies import Supply, of_machine, of_queue
from heschl.errors import ClusterError, MissingDependencyError

if TYPE_CHECKING:
    from distributed import Client

NAME = "heschl"
#: Seconds to reach a scheduler.
TIMEOUT = 10.0
#: Dask's scheduler has pages for browsers. There are none, but it listens for them nevertheless: on
#: a port that is free, for this machine alone.
NO_PAGES = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}

Connect = Callable[[], "Client"]


@contextlib.contextmanager
def start(place: Place) -> Iterator[Connect]:
    """Have a cluster while the block runs.

    Yields
    ------
    callable
        Returns a client of its scheduler; raises OSError if it cannot be reached.

    Raises
    ------
    MissingDependencyError
        If Dask is not installed.
    ClusterError
        If it cannot be started, or reached without certificates.
    """
    try:
        import dask
        import distributed
    except ModuleNotFoundError as error:
        raise needs_dask(error) from error
    if isinstance(place, Scheduler):
        check_certificates(place.address, "client")
        yield lambda: distributed.Client(place.address, timeout=TIMEOUT, set_as_default=False)
        return
    with contextlib.ExitStack() as stack:
        # while workers are started: the threads of torch and BLAS are theirs
        stack.enter_context(
            dask.config.set({**settings.NO_PAUSES, **_spawned(supply_of(place).cores)})
        )
        made = _local(place) if isinstance(place, Local) else _queue(place)
        cluster = stack.enter_context(contextlib.closing(made))
        yield lambda: distributed.Client(cluster, timeout=TIMEOUT, set_as_default=False)


def check_certificates(address: str, role: Literal["client", "worker"]) -> None:
    """Refuse an encrypted address if Dask's configuration names no certificates for a role.

    Raises
    ------
    ClusterError
    """
    from distributed import Security

    if not address.startswith("tls://"):
        return
    if Security().get_connection_args(role).get("ssl_context") is None:
        raise ClusterError(
            f"{address} is encrypted, and no certificates are known; expected those of its owner "
            f"in Dask's configuration: distributed.comm.tls.ca-file, .{role}.cert and .{role}.key"
        )


def needs_dask(error: ModuleNotFoundError) -> MissingDependencyError:
    """Return the error that says what to install."""
    return MissingDependencyError(
        f"a cluster needs {error.name}, which is not installed; install heschl with its extra "
        '"cluster": python -m pip install "heschl[cluster]"'
    )


def supply_of(place: Local | Queue) -> Supply:
    """Return what each worker has that is started."""
    return of_machine(place.n_workers) if isinstance(place, Local) else of_queue(place.description)


def _spawned(n_cores: int) -> Mapping[str, str]:
    """Return Dask's configuration of the processes that it starts here."""
    where = "distributed.nanny.pre-spawn-environ"
    return {f"{where}.{name}": it for name, it in settings.of_libraries(n_cores).items()}


def _local(place: Local) -> Any:
    from distributed import LocalCluster

    supply = supply_of(place)
    try:
        return LocalCluster(
            n_workers=place.n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",  # reached from this machine alone
            dashboard_address=None,
            scheduler_kwargs=NO_PAGES,
            resources=supply.resources(),
            memory_limit=supply.memory,
            silence_logs=logging.ERROR,
        )
    except (OSError, RuntimeError) as error:
        raise ClusterError(
            f"{place.n_workers} processes cannot be started: {error.__cause__ or error}; expected "
            "a machine that lets processes of its own speak to each other"
        ) from error


def _queue(place: Queue) -> Any:
    try:
        import dask_jobqueue
    except ModuleNotFoundError as error:
        raise needs_dask(error) from error
    said = place.description
    kinds = {
        "slurm": dask_jobqueue.SLURMCluster,
        "pbs": dask_jobqueue.PBSCluster,
        "sge": dask_jobqueue.SGECluster,
        "lsf": dask_jobqueue.LSFCluster,
    }
    try:
        cluster = kinds[said.system](**queue_options(said))
        cluster.adapt(minimum_jobs=said.workers, maximum_jobs=said.workers)  # replaces those lost
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"no workers can be had of {said.system}: {error}; expected a machine from which jobs "
            "are submitted"
        ) from error
    return cluster


def queue_options(said: QueueDescription) -> dict[str, Any]:
    """Return what dask-jobqueue is told."""
    supply = of_queue(said)
    gpus = ["--gres=gpu:1"] if said.gpus and said.system == "slurm" else []
    account = "account" if said.system in {"slurm", "pbs"} else "project"
    given = {"walltime": said.walltime, "queue": said.queue, account: said.account}
    given |= {"interface": said.interface, "log_directory": said.logs}
    return {key: value for key, value in given.items() if value is not None} | {
        "cores": said.cores,
        "processes": 1,
        "memory": f"{supply.memory}B",
        "python": shlex.quote(said.python or sys.executable),
        "job_name": NAME,
        "job_extra_directives": [*gpus, *said.directives],
        "job_script_prologue": [*_exports(said), *said.setup],
        # the last of two counts: a worker would do as many jobs at once as it has cores
        "worker_extra_args": ["--resources", shlex.quote(supply.argument()), "--nthreads", "1"],
        "scheduler_options": NO_PAGES,
        "silence_logs": logging.ERROR,
    }


def _exports(said: QueueDescription) -> Iterator[str]:
    """Yield shell lines that give workers the settings of this process."""
    told = {"HESCHL_HOME": shlex.quote(str(store.home()))}
    for name, value in (told | settings.of_libraries(said.cores) | settings.of_dask()).items():
        yield f"export {name}={value}"


def job_script(said: QueueDescription) -> str:
    """Return the script that the batch system gets for a worker; nothing is submitted.

    Raises
    ------
    MissingDependencyError
        If dask-jobqueue is not installed.
    """
    try:
        from dask_jobqueue import lsf, pbs, sge, slurm
    except ModuleNotFoundError as error:
        raise needs_dask(error) from error
    kinds = {
        "slurm": slurm.SLURMJob,
        "pbs": pbs.PBSJob,
        "sge": sge.SGEJob,
        "lsf": lsf.LSFJob,
    }
    options = queue_options(said)
    for of_the_cluster in ("scheduler_options", "silence_logs"):
        del options[of_the_cluster]
    job = kinds[said.system]("tcp://SCHEDULER:PORT", NAME, **options)
    script: str = job.job_script()
    return script
