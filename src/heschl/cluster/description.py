"""Files that describe the workers of a batch system: SLURM, PBS, SGE, LSF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from heschl.cluster.sizes import n_bytes
from heschl.yaml_file import DescribedFile, read_described

Text = Annotated[str, Field(min_length=1)]
OneLine = Annotated[str, Field(min_length=1, pattern=r"^[^\n\r]*$")]
QueueFile = DescribedFile["QueueDescription"]


def _is_size(text: str) -> str:
    n_bytes(text)
    return text


class QueueDescription(BaseModel):
    """Workers that a batch system starts.

    Attributes
    ----------
    system : {"slurm", "pbs", "sge", "lsf"}
    workers : int
        How many at once; one that ends is replaced.
    cores : int
        Of each worker.
    memory : str
        Of each worker, as "32 GB".
    gpus : int
        Of each worker: 0 or 1. A worker does one thing at a time.
    walltime : str or None
        How long a worker may run, as the system writes it.
    queue, account : str or None
    directives : tuple of str
        Further lines of the job script's head, without "#SBATCH" or the like.
    setup : tuple of str
        Shell lines that run before a worker starts, as ``module load cuda``.
    python : str or None
        The interpreter on the workers; that of this process by default.
    interface : str or None
        The network interface by which workers reach this process, as ``ib0``.
    logs : str or None
        Folder of the workers' logs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    system: Literal["slurm", "pbs", "sge", "lsf"]
    workers: Annotated[int, Field(gt=0, le=10_000)]
    cores: Annotated[int, Field(gt=0, le=10_000)]
    memory: Annotated[str, AfterValidator(_is_size)]
    gpus: Annotated[int, Field(ge=0, le=1)] = 0
    walltime: OneLine | None = None
    queue: OneLine | None = None
    account: OneLine | None = None
    directives: Annotated[tuple[OneLine, ...], Field(strict=False)] = ()
    setup: Annotated[tuple[OneLine, ...], Field(strict=False)] = ()
    python: Text | None = None
    interface: OneLine | None = None
    logs: Text | None = None


def read_queue(path: str | Path) -> QueueDescription:
    """Read and validate a file.

    Raises
    ------
    InputError
        If it is not as it has to be: every complaint with its line.
    """
    return read_described(path, QueueDescription, "cluster file").description
