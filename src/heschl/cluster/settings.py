"""What processes of workers are told: how many threads they have, and not to wait for memory."""

from __future__ import annotations

#: Dask would have workers that use much memory wait for better times; theirs is that of the job
#: under way, and of the model that was loaded last, which only the next job ends.
NO_PAUSES = {
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def of_libraries(n_cores: int) -> dict[str, str]:
    """Return environment variables that libraries read when they are loaded.

    Arrow, by which pandas keeps texts, would reserve a gigabyte that it does not use, and that
    counts where memory is limited.
    """
    return dict.fromkeys(_THREADS, str(n_cores)) | {"ARROW_DEFAULT_MEMORY_POOL": "system"}


def of_dask() -> dict[str, str]:
    """Return `NO_PAUSES` as the environment variables that Dask reads."""
    return {f"DASK_{name.upper().replace('.', '__')}": str(it) for name, it in NO_PAUSES.items()}
