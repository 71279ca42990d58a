"""Extraction: compute, or read, what is stored under a content key.

The key of an entry is made from everything that determines the numbers: the model's identity and
level, the decoded samples of every sound, the resampler and the version of this step. What was
computed once is read; what changed in any way is computed again.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from heschl import locks, store
from heschl.activations.batches import compute_parts, n_parts
from heschl.activations.memory import fitting_batch
from heschl.errors import DamagedEntryError, HeschlWarning, UsageError
from heschl.models import AudioModel, load_model
from heschl.sounds import Sounds
from heschl.threads import n_threads, one_blas_thread, torch_threads

VERSION = 3  # of this step: raise it whenever the numbers it gives could change
#: File in the folder of an entry that whoever computes it holds.
LOCK = ".lock"
log = logging.getLogger("heschl")


class Activations(Mapping[str, NDArray[np.float32]]):
    """Layers by name, each (n_sounds, n_features), read when asked for.

    Attributes
    ----------
    provenance : dict
        What they were computed from, and the key under which they are stored.
    """

    def __init__(
        self,
        arrays: Mapping[str, NDArray[np.float32]],
        layers: Sequence[str],
        provenance: Mapping[str, Any],
    ) -> None:
        self._arrays = arrays
        self._layers = tuple(layers)
        self.provenance = dict(provenance)

    def __getitem__(self, layer: str) -> NDArray[np.float32]:
        return self._arrays[layer]

    def __contains__(self, layer: object) -> bool:  # the inherited one would read the layer
        return layer in self._layers

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def shape(self, layer: str) -> tuple[int, ...]:
        """Return (n_sounds, n_features) of a layer; of stored ones without reading them."""
        if isinstance(self._arrays, store.StoredArrays):
            return self._arrays.shape(layer)
        return self._arrays[layer].shape

    def parts(self, layers: Sequence[str]) -> Iterator[Mapping[str, NDArray[np.float32]]]:
        """Yield consecutive rows of some layers: a part of the store after the other, or all."""
        if isinstance(self._arrays, store.StoredArrays):
            yield from self._arrays.parts(layers)
        else:
            yield {layer: self._arrays[layer] for layer in layers}

    def __repr__(self) -> str:
        return f"<Activations of {self.provenance['model']}: {len(self)} layers>"


def extract(
    model: str | AudioModel | Any,
    sounds: Sounds,
    *,
    layers: Sequence[str] | None = None,
    batch_size: int | None = None,
    device: str | None = None,
    use_store: bool = True,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> Activations:
    """Compute, or read, the time-averaged activations of a model's layers.

    Parameters
    ----------
    model : str, AudioModel, torch.nn.Module or callable
        As for `load_model`.
    sounds : Sounds
    layers : sequence of str, optional
        All by default.
    batch_size : int, optional
        Sounds that go through the model together, at most; see `plan_memory`, which decides by
        default.
    device : str, optional
        Where the model runs, as torch names it ("cpu", "cuda", "cuda:1", "mps"); where it is by
        default.
    use_store : bool, optional
        False neither reads nor writes; everything stays in memory.
    n_jobs : int, optional
        Threads of a torch network on a CPU, on which its last digits depend; as many as torch
        takes by default.
    show_progress : bool, optional

    Returns
    -------
    Activations
        Layer name to ndarray of float32, shape (n_sounds, n_features): the mean over frames, all
        other axes flattened.

    Raises
    ------
    UnknownNameError
        If a model or layer does not exist.
    UsageError
        If ``layers`` is empty, ``batch_size`` or ``n_jobs`` less than 1, or the device not usable.
    AudioError
        If a sound cannot be read, is silent or not finite.
    InputError
        If the model returns nan, infinity, other numbers of rows than sounds, or other numbers of
        features for some sounds than for others; or if one sound does not fit into memory.
    StoreError
        If the store cannot be written.
    """
    if batch_size is not None and batch_size < 1:
        raise UsageError(f"batch_size is {batch_size}; expected a whole number of at least 1")
    n_threads(n_jobs)
    if layers is not None and not layers:
        raise UsageError("layers is empty; expected at least one name, or None for all layers")
    loaded = load_model(model, device=device)
    chosen = loaded.choose(layers)
    sounds.check()
    _warn_of_low_rates(loaded, sounds)
    description = describe(loaded, sounds, chosen)
    key = store.content_key(description)
    provenance = {"model": loaded.name, "activations": key, **description}

    def parts(done: set[int]) -> Iterator[tuple[int, dict[str, NDArray[np.float32]]]]:
        with one_blas_thread(), torch_threads(n_jobs):
            size = fitting_batch(loaded, sounds, chosen, batch_size=batch_size)
            yield from compute_parts(loaded, sounds, chosen, size, done, show_progress)

    if not use_store:
        found = [part for _, part in parts(set())]
        arrays = {layer: np.concatenate([part[layer] for part in found]) for layer in chosen}
        return Activations(arrays, chosen, provenance)
    entry = _entry(key)
    stored = _stored(entry)
    if stored is not None:
        return Activations(stored, chosen, provenance)
    store.check_writable(entry.folder)
    with locks.held(entry.folder / LOCK, f"{loaded.name} on {len(sounds)} sounds"):
        stored = _stored(entry)  # another process may have been at it
        if stored is None:
            done = set(entry.whole_parts())
            if len(done) < n_parts(sounds):
                _write(entry, parts(done), n_parts(sounds) - len(done))
            entry.commit(n_parts(sounds), provenance)
            stored = entry.open()
    return Activations(stored, chosen, provenance)


def reopen(key: str, model: str) -> Activations | None:
    """Return what was extracted before, by its key; None if it is not in this store, whole.

    Parameters
    ----------
    key : str
        ``provenance["activations"]`` of what `extract` returned.
    model : str
        Name of the model: others with the same layers and weights share the entry.
    """
    stored = _stored(_entry(key))
    if stored is None:
        return None
    provenance = {**stored.description, "model": model}
    return Activations(stored, provenance["layers"], provenance)


def _entry(key: str) -> store.ArrayEntry:
    return store.ArrayEntry(store.home() / "activations" / key)


def describe(model: AudioModel, sounds: Sounds, layers: Sequence[str]) -> dict[str, Any]:
    """Return everything that determines activations, JSON-ready; their key is made from it."""
    return {
        "kind": "activations",
        "version": VERSION,
        "identity": dict(model.identity()),
        "sample_rate": model.sample_rate,
        "level": model.level,
        "layers": list(layers),
        "pooling": {layer: model.pooling(layer) for layer in layers},
        "duration": sounds.duration,
        "sounds": [facts.digest for facts in sounds.facts],
        "resampler": f"soxr {soxr.__version__} HQ",
    }


def _write(
    entry: store.ArrayEntry, parts: Iterator[tuple[int, dict[str, NDArray[np.float32]]]], n: int
) -> None:
    """Store parts as they come; refuse, after the first of n, what will not fit on the disk."""
    for count, (index, part) in enumerate(parts):
        if count == 0:
            store.check_space(entry.folder, n * sum(array.nbytes for array in part.values()))
        entry.write_part(index, part)


def _stored(entry: store.ArrayEntry) -> store.StoredArrays | None:
    """Return a complete, undamaged entry; what is damaged will be computed again."""
    if not entry.complete:
        return None
    try:
        return entry.open()
    except DamagedEntryError as error:
        log.warning("stored activations are damaged and will be computed again: %s", error)
        entry.reopen()
        return None


def _warn_of_low_rates(model: AudioModel, sounds: Sounds) -> None:
    low = [facts.sample_rate for facts in sounds.facts if facts.sample_rate < model.sample_rate]
    if low:
        warnings.warn(
            f"{len(low)} of {len(sounds)} sounds are recorded at {min(low)} Hz or more, below the "
            f"{model.sample_rate} Hz of {model.name}: above {min(low) // 2} Hz it hears nothing",
            HeschlWarning,
            stacklevel=3,
        )
