"""Activations: every layer's response to every sound, averaged over time, kept on disk.

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

from heschl import progress, store
from heschl.errors import DamagedEntryError, HeschlWarning, InputError, UsageError
from heschl.models import AudioModel, load_model
from heschl.sounds import Sounds

VERSION = 1  # of this step: raise it whenever the numbers it gives could change
ROWS_PER_PART = 32  # sounds that an interruption can lose; raise VERSION when it changes
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

    def __repr__(self) -> str:
        return f"<Activations of {self.provenance['model']}: {len(self)} layers>"


def extract(
    model: str | AudioModel | Any,
    sounds: Sounds,
    *,
    layers: Sequence[str] | None = None,
    batch_size: int = 8,
    use_store: bool = True,
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
        Sounds that go through the model together.
    use_store : bool, optional
        False neither reads nor writes; everything stays in memory.
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
        If ``layers`` is empty or ``batch_size`` less than 1.
    AudioError
        If a sound cannot be read, is silent or not finite.
    InputError
        If the model returns nan, infinity, other numbers of rows than sounds, or other numbers of
        features for some sounds than for others.
    StoreError
        If the store cannot be written.
    """
    if batch_size < 1:
        raise UsageError(f"batch_size is {batch_size}; expected a whole number of at least 1")
    if layers is not None and not layers:
        raise UsageError("layers is empty; expected at least one name, or None for all layers")
    loaded = load_model(model)
    chosen = loaded.choose(layers)
    sounds.check()
    _warn_of_low_rates(loaded, sounds)
    description = describe(loaded, sounds, chosen)
    key = store.content_key(description)
    provenance = {"model": loaded.name, "activations": key, **description}
    if not use_store:
        parts = list(_compute(loaded, sounds, chosen, batch_size, set(), show_progress))
        arrays = {layer: np.concatenate([part[layer] for _, part in parts]) for layer in chosen}
        return Activations(arrays, chosen, provenance)
    entry = store.ArrayEntry(store.home() / "activations" / key)
    stored = _stored(entry)
    if stored is None:
        store.check_writable(entry.folder)
        done = set(entry.whole_parts())
        for index, part in _compute(loaded, sounds, chosen, batch_size, done, show_progress):
            entry.write_part(index, part)
        entry.commit(_n_parts(sounds), provenance)
        stored = entry.open()
    return Activations(stored, chosen, provenance)


def describe(model: AudioModel, sounds: Sounds, layers: Sequence[str]) -> dict[str, Any]:
    """Return everything that determines activations, JSON-ready; their key is made from it."""
    return {
        "kind": "activations",
        "version": VERSION,
        "identity": dict(model.identity()),
        "sample_rate": model.sample_rate,
        "level": model.level,
        "layers": list(layers),
        "pooling": "mean over frames",
        "duration": sounds.duration,
        "sounds": [facts.digest for facts in sounds.facts],
        "resampler": f"soxr {soxr.__version__} HQ",
    }


def time_average(layer: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average (n_sounds, ..., n_frames) over frames and flatten to (n_sounds, n_features)."""
    mean = layer.mean(axis=-1, dtype=np.float64)
    return mean.reshape(len(layer), -1).astype(np.float32)


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


def _n_parts(sounds: Sounds) -> int:
    return -(-len(sounds) // ROWS_PER_PART)


def _compute(
    model: AudioModel,
    sounds: Sounds,
    layers: Sequence[str],
    batch_size: int,
    done: set[int],
    show_progress: bool,
) -> Iterator[tuple[int, dict[str, NDArray[np.float32]]]]:
    """Yield the parts that are not done yet."""
    n_features: dict[str, int] = {}
    with progress.bar(model.name, len(sounds), "sounds", show=show_progress) as advance:
        for index in range(_n_parts(sounds)):
            rows = sounds[index * ROWS_PER_PART : (index + 1) * ROWS_PER_PART]
            if index in done:
                advance(len(rows))
                continue
            waveforms = rows.waveforms(model.sample_rate)
            batches = []
            for start in range(0, len(rows), batch_size):
                batch = waveforms[start : start + batch_size]
                out = model(batch, layers)
                names = rows.names[start : start + batch_size]
                batches.append({x: _pooled(out, model, x, names) for x in layers})
                _check_equal_features(batches[-1], n_features, model)
                advance(len(batch))
            yield index, {x: np.concatenate([batch[x] for batch in batches]) for x in layers}


def _pooled(
    out: Mapping[str, NDArray[np.float32]], model: AudioModel, layer: str, names: Sequence[str]
) -> NDArray[np.float32]:
    """Average a layer over time, and refuse what no later step could use."""
    if layer not in out:
        raise InputError(f"{model.name} returned the layers {list(out)}; expected also {layer!r}")
    output = np.asarray(out[layer])
    if output.ndim < 2 or len(output) != len(names) or not output.size:
        raise InputError(
            f"{model.name}, layer {layer!r}: shape {output.shape} for {len(names)} sounds; "
            "expected (n_sounds, ..., n_frames), one row for each sound and at least one frame"
        )
    features = time_average(output)
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if bad.size:
        raise InputError(
            f"{model.name}, layer {layer!r}: nan or infinite activations for {names[bad[0]]!r}; "
            "expected finite numbers"
        )
    return features


def _check_equal_features(
    batch: Mapping[str, NDArray[np.float32]], n_features: dict[str, int], model: AudioModel
) -> None:
    """Refuse a batch with other numbers of features than those before, noted in ``n_features``."""
    for layer, features in batch.items():
        found, expected = features.shape[1], n_features.setdefault(layer, features.shape[1])
        if found != expected:
            raise InputError(
                f"{model.name}, layer {layer!r}: {found} features for some sounds, {expected} for "
                "others; expected as many for every sound (only the time axis, the last, is "
                "averaged)"
            )


def _warn_of_low_rates(model: AudioModel, sounds: Sounds) -> None:
    low = [facts.sample_rate for facts in sounds.facts if facts.sample_rate < model.sample_rate]
    if low:
        warnings.warn(
            f"{len(low)} of {len(sounds)} sounds are recorded at {min(low)} Hz or more, below the "
            f"{model.sample_rate} Hz of {model.name}: above {min(low) // 2} Hz it hears nothing",
            HeschlWarning,
            stacklevel=3,
        )
