"""Batches of training sounds, read ahead by other processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Generator, Iterator

import torch
from threadpoolctl import threadpool_limits
from torch.utils.data import DataLoader

from heschl.errors import HeschlError, UsageError
from heschl.pretrain.data.batch import Batch, batch_of
from heschl.pretrain.data.drawing import check_crop_seconds
from heschl.pretrain.data.index import SoundIndex
from heschl.pretrain.data.reading import CropReader, Found, Read
from heschl.pretrain.data.steps import Steps


def batches(
    index: SoundIndex,
    *,
    seed: int,
    batch_size: int,
    first_step: int,
    last_step: int,
    crop_seconds: float,
    rank: int = 0,
    world_size: int = 1,
    sample_rate: int = 24_000,
    workers: int = 0,
    skip_bad: bool = False,
) -> Generator[Batch, None, None]:
    """Yield the batches of steps ``first_step`` to ``last_step - 1``.

    A batch is a function of the index, the seed and its step: it is the same whatever the number of
    workers and whatever step the run went on from. torch's random state is left alone.

    Parameters
    ----------
    index : SoundIndex
    seed : int
        Of the run.
    batch_size : int
        Items of a step, of all processes together.
    first_step, last_step : int
        Steps are counted from 0: a run that has done n steps goes on with ``first_step=n``.
    crop_seconds : float
        Duration of a crop.
    rank, world_size : int, optional
        This process gets every ``world_size``-th item of a step, from item ``rank`` on.
    sample_rate : int, optional
        Of the waveforms, in Hz.
    workers : int, optional
        Processes that read ahead, two batches each; 0 reads in this one. They are started afresh,
        not forked, so a script that calls this needs ``if __name__ == "__main__":``. They end with
        the iterator: exhaust it, close it, or let go of it.
    skip_bad : bool, optional
        Where a file turns out to be damaged, draw the item again (which is again a function of seed
        and item) and say so in the batch.

    Yields
    ------
    Batch

    Raises
    ------
    UsageError
        If a number cannot be; at once, not with the first batch.
    AudioError
        If a file turns out to be damaged: which, and at which second.
    HeschlError
        If a process that reads ahead dies.
    """
    check_crop_seconds(crop_seconds)
    _check_counts(batch_size, rank, world_size)
    if not 0 <= first_step <= last_step:
        raise UsageError(
            f"first_step is {first_step} and last_step {last_step}; expected 0 or more, in order"
        )
    if sample_rate < 1 or round(crop_seconds * sample_rate) < 1:
        raise UsageError(f"sample_rate is {sample_rate}; expected Hz, a sample for a crop or more")
    if workers < 0:
        raise UsageError(f"workers is {workers}; expected 0 or more processes")
    numbers = range(first_step, last_step)
    steps = Steps(index, seed, crop_seconds, numbers, batch_size, rank, world_size)
    steps.crop(0)  # refuses a wrong seed now
    return _batches(steps, CropReader(crop_seconds, sample_rate), workers, skip_bad=skip_bad)


def _check_counts(batch_size: int, rank: int, world_size: int) -> None:
    if world_size < 1 or not 0 <= rank < world_size:
        raise UsageError(f"rank {rank} of {world_size} processes; expected 0 to {world_size - 1}")
    if batch_size < 1 or batch_size % world_size:
        raise UsageError(
            f"batch_size is {batch_size} for {world_size} processes; expected a multiple of "
            f"{world_size}: each takes as many items"
        )


def _batches(
    steps: Steps, reader: CropReader, workers: int, *, skip_bad: bool
) -> Generator[Batch, None, None]:
    loaded = iter(_loader(steps, reader, workers))
    try:
        for step in steps.numbers:
            yield batch_of(steps, step, _next(loaded), reader, skip_bad=skip_bad)
    finally:
        del loaded  # ends the workers


def _next(loaded: Iterator[Read]) -> Read:
    """Take the next batch; what torch says of a worker that is gone becomes an error of heschl's.

    The connection to a worker ends if it dies while an array is handed over.
    """
    try:
        return next(loaded)
    except (RuntimeError, ConnectionError, EOFError, FileNotFoundError) as error:
        if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
            raise
        raise HeschlError(
            f"a process that reads training sounds died ({error}). If the system ended it for lack "
            "of memory, take fewer workers; if it lacks shared memory, enlarge /dev/shm; "
            "workers=0 reads without further processes and shows what happens"
        ) from error


def _loader(steps: Steps, reader: CropReader, workers: int) -> DataLoader[Found]:
    return DataLoader(
        reader,
        batch_sampler=steps,
        num_workers=workers,
        collate_fn=reader.stack,
        worker_init_fn=_begin,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # its own; otherwise it takes a number from the global one
        multiprocessing_context=_start_method() if workers else None,
        prefetch_factor=2 if workers else None,
    )


def _start_method() -> str:
    """Say how processes are started: never by a fork of this one, whose threads may hold locks."""
    ways = multiprocessing.get_all_start_methods()
    return "forkserver" if "forkserver" in ways else "spawn"


def _begin(_worker: int) -> None:
    threadpool_limits(limits=1)  # the workers are the parallelism
