"""Memory: what a batch will need, from a trial with one and two sounds, before the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from heschl import process
from heschl.errors import InputError
from heschl.models import AudioModel
from heschl.sounds import Sounds

#: Sounds in a batch, at most: on a CPU more gain nothing (benchmarks/extraction.py).
LARGEST_ON_CPU = 8
LARGEST_ON_GPU = 64

#: Share of the memory that is free which a run may take.
USABLE = 0.8

#: Of what tensors on a CPU take, the allocator of the C library holds back about twice as much when
#: they are freed, up to so many bytes (seen in benchmarks/extraction.py).
HELD_BACK, MOST_HELD_BACK = 2, 250_000_000


@dataclass(frozen=True)
class MemoryPlan:
    """What a run of extraction will need.

    Attributes
    ----------
    batch_size : int
        Sounds that go through the model together.
    peak_bytes : int or None
        Expected largest memory: of this process on a CPU, of the device elsewhere; None if the
        model cannot tell.
    """

    batch_size: int
    peak_bytes: int | None


def plan_memory(
    model: AudioModel,
    sounds: Sounds,
    layers: Sequence[str] | None = None,
    *,
    batch_size: int | None = None,
    free_bytes: int | None = None,
) -> MemoryPlan:
    """Choose how many sounds go through a model together, so that they fit into memory.

    The memory of a forward pass grows by the same amount for every sound. One and two sounds of
    noise are put through the model to find how much.

    Parameters
    ----------
    model : AudioModel
    sounds : Sounds
        Only their number and the longest duration matter.
    layers : sequence of str, optional
        All by default.
    batch_size : int, optional
        At most so many; 8 on a CPU and 64 on a GPU by default.
    free_bytes : int, optional
        How much there is; by default what the machine, the container or the device has free.

    Returns
    -------
    MemoryPlan

    Raises
    ------
    InputError
        If one sound does not fit.
    """
    wanted = _most(model, sounds, batch_size)
    one = _trial(model, sounds, 1, layers)
    if one is None:
        return MemoryPlan(wanted, None)
    two = _trial(model, sounds, 2, layers) if wanted > 1 else None
    each = max(two - one, 1) if two is not None else one
    fixed = max(one - each, 0)
    free = free_bytes if free_bytes is not None else bytes_free(model.device)
    fitting = (int(USABLE * free) - fixed) // each
    if fitting < 1:
        seconds = sounds.n_samples(model.sample_rate) / model.sample_rate
        raise InputError(
            f"{model.name}: one sound of {seconds:.3g} s needs {one / 1e9:.2f} GB on "
            f"{model.device}, where {free / 1e9:.2f} GB are free; expected at most "
            f"{USABLE:.0%} of that: give shorter sounds, fewer layers, or another device"
        )
    chosen = min(wanted, fitting)
    tensors = fixed + chosen * each
    slack = min(HELD_BACK * tensors, MOST_HELD_BACK) if model.device == "cpu" else 0
    return MemoryPlan(chosen, _held(model.device) + tensors + slack)


def fitting_batch(
    model: AudioModel,
    sounds: Sounds,
    layers: Sequence[str] | None = None,
    *,
    batch_size: int | None = None,
) -> int:
    """Return the batch size of `plan_memory`, by one trial where that tells enough.

    A batch takes no more than so many times what one sound takes: if that is free, no second trial
    is needed.

    Raises
    ------
    InputError
        If one sound does not fit.
    """
    wanted = _most(model, sounds, batch_size)
    one = _trial(model, sounds, 1, layers)
    if one is None or wanted * one <= USABLE * bytes_free(model.device):
        return wanted
    return plan_memory(model, sounds, layers, batch_size=batch_size).batch_size


def _most(model: AudioModel, sounds: Sounds, batch_size: int | None) -> int:
    """How many sounds would go together if memory had no end."""
    if model.one_at_a_time:
        return 1
    usual = LARGEST_ON_CPU if model.device == "cpu" else LARGEST_ON_GPU
    return min(batch_size or usual, len(sounds))


def _trial(
    model: AudioModel, sounds: Sounds, n_sounds: int, layers: Sequence[str] | None
) -> int | None:
    """Bytes that so many sounds of noise take; None if the model cannot tell."""
    return model.peak_bytes(_noise(n_sounds, sounds.n_samples(model.sample_rate)), layers)


def _noise(n_sounds: int, n_samples: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    rng = np.random.default_rng(0)
    return 0.05 * rng.standard_normal((n_sounds, n_samples), dtype=np.float32)


def bytes_free(device: str) -> int:
    """Return how many bytes are free on the machine (as its container allows) or the GPU.

    On a machine, no more than this process may still take (``RLIMIT_DATA``, as workers of a cluster
    have it).
    """
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    available = int(psutil.virtual_memory().available)
    limit, used = (_cgroup(name) for name in ("memory.max", "memory.current"))
    free = available if limit is None or used is None else min(available, limit - used)
    allowed = _allowed()
    return free if allowed is None else min(free, allowed)


def _allowed() -> int | None:
    """Bytes that this process may still take; None where nothing limits it."""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
        if limit == resource.RLIM_INFINITY:
            return None
    except (ImportError, OSError):
        return None
    has = process.memory("VmData")
    return None if has is None else max(0, limit - has)


def _cgroup(name: str, folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Read a number of this process's control group (version 2); None where there is none."""
    try:
        text = (folder / name).read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _held(device: str) -> int:
    """Bytes that are in use already: by this process, or on the GPU by it."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_allocated(device))
    return int(psutil.Process().memory_info().rss)
