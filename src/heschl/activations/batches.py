"""Batches: sounds through a model, a few at a time, gathered into the parts that are stored.

The next sounds are read and resampled while the model runs. A part is as many rows as are stored
together: an interruption loses no more than that and the batch under way.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from heschl import progress
from heschl.errors import InputError
from heschl.models import AudioModel
from heschl.sounds import Sounds

FloatArray = NDArray[np.float32]

#: Sounds in a part, if they are few; of many, so many more that there are about this many parts.
ROWS_PER_PART = 8
MANY_PARTS = 2000


def rows_per_part(n_sounds: int) -> int:
    """Return how many sounds are stored together; it depends on their number alone."""
    return max(ROWS_PER_PART, -(-n_sounds // MANY_PARTS))


def n_parts(sounds: Sounds) -> int:
    """Return how many parts the activations of sounds are stored in."""
    return -(-len(sounds) // rows_per_part(len(sounds)))


def compute_parts(
    model: AudioModel,
    sounds: Sounds,
    layers: Sequence[str],
    batch_size: int,
    done: set[int],
    show_progress: bool,
) -> Iterator[tuple[int, dict[str, FloatArray]]]:
    """Yield the parts that are not done yet, each as soon as its last sound is through.

    Parameters
    ----------
    model : AudioModel
    sounds : Sounds
    layers : sequence of str
    batch_size : int
        Sounds that go through the model together, at most: only equally long ones do, one after
        the other. A batch may span parts.
    done : set of int
        Indices of parts that need not be computed.
    show_progress : bool

    Yields
    ------
    index : int
    part : dict of str to ndarray of float32, shape (n_rows, n_features)

    Raises
    ------
    AudioError
        If a sound cannot be read.
    InputError
        If the model returns what no later step could use; the sound or layer is named.
    """
    size = rows_per_part(len(sounds))
    n_features: dict[str, int] = {}
    with progress.bar(model.name, len(sounds), "sounds", show=show_progress) as advance:
        advance(sum(min(size, len(sounds) - index * size) for index in done))
        for first, last in _runs(n_parts(sounds), done):
            rows = sounds[first * size : last * size]
            batches = _batches(model, rows, layers, batch_size, n_features, advance)
            yield from enumerate(_gather(batches, size), first)


def _runs(n: int, done: set[int]) -> Iterator[tuple[int, int]]:
    """Start and stop of each run of consecutive parts that are not done."""
    todo = {index for index in range(n) if index not in done}
    starts = sorted(i for i in todo if i - 1 not in todo)
    stops = sorted(i + 1 for i in todo if i + 1 not in todo)
    yield from zip(starts, stops, strict=True)


def _batches(
    model: AudioModel,
    rows: Sounds,
    layers: Sequence[str],
    batch_size: int,
    n_features: dict[str, int],
    advance: progress.Advance,
) -> Iterator[dict[str, FloatArray]]:
    """Yield the vectors of one batch after the other; ``n_features`` is that of each layer."""
    batches = _equally_long(rows, batch_size, model.sample_rate)
    with ThreadPoolExecutor(1, thread_name_prefix="sounds") as reader:
        ahead = reader.submit(batches[0].waveforms, model.sample_rate)
        for batch, following in zip(batches, [*batches[1:], None], strict=True):
            waveforms = ahead.result()
            if following is not None:
                ahead = reader.submit(following.waveforms, model.sample_rate)
            vectors = model.vectors(waveforms, layers)
            for layer, features in vectors.items():
                expected = n_features.setdefault(layer, features.shape[1])
                _check(features, expected, f"{model.name}, layer {layer!r}", batch.names)
            yield vectors
            advance(len(batch))


def _equally_long(rows: Sounds, batch_size: int, sample_rate: int) -> list[Sounds]:
    """Divide sounds, in their order, into batches that fit into one array each."""
    lengths = rows.lengths(sample_rate)
    changes = (np.flatnonzero(np.diff(lengths)) + 1).tolist()
    runs = itertools.pairwise([0, *changes, len(rows)])
    return [
        rows[start : min(start + batch_size, stop)]
        for first, stop in runs
        for start in range(first, stop, batch_size)
    ]


def _gather(batches: Iterator[dict[str, FloatArray]], size: int) -> Iterator[dict[str, FloatArray]]:
    """Yield parts of ``size`` rows, the last maybe shorter, from batches of other sizes."""
    held: dict[str, list[FloatArray]] = {}
    n_held = 0
    for batch in batches:
        for layer, features in batch.items():
            held.setdefault(layer, []).append(features)
        n_held += len(next(iter(batch.values())))
        if n_held >= size:
            joined = {layer: np.concatenate(pieces) for layer, pieces in held.items()}
            n_whole = n_held // size * size
            for start in range(0, n_whole, size):
                yield {layer: array[start : start + size] for layer, array in joined.items()}
            held = {layer: [array[n_whole:]] for layer, array in joined.items()}
            n_held -= n_whole
    if n_held:
        yield {layer: np.concatenate(pieces) for layer, pieces in held.items()}


def _check(features: FloatArray, n_features: int, where: str, names: Sequence[str]) -> None:
    """Refuse what no later step could use."""
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if bad.size:
        raise InputError(
            f"{where}: nan or infinite activations for {names[bad[0]]!r}; expected finite numbers"
        )
    if features.shape[1] != n_features:
        raise InputError(
            f"{where}: {features.shape[1]} features for some sounds, {n_features} for others; "
            "expected as many for every sound (only the time axis, the last, is averaged)"
        )
