"""What a user's model is known by: what it does to two fixed waveforms."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from heschl.errors import HeschlError, InputError
from heschl.models.base import AudioModel, FloatArray


def probe(sample_rate: int, seconds: float = 2.0) -> FloatArray:
    """Two fixed waveforms, noise and a rising tone, shape (2, n_samples)."""
    n = round(seconds * sample_rate)
    noise = np.random.default_rng(0).standard_normal(n) * 0.1
    t = np.arange(n) / sample_rate
    tone = 0.1 * np.sin(2 * np.pi * (100 + 200 * t) * t)
    return np.stack([noise, tone]).astype(np.float32)


def probed_identity(model: AudioModel) -> dict[str, object]:
    """Hash of the outputs for the fixed waveforms: whatever changes them changes the key.

    All layers count, also those on request: a head may be trained while all before it stays.
    """
    content = hashlib.sha256()
    for layer, array in model(probe(model.sample_rate), model.every_layer()).items():
        content.update(f"{layer}{array.shape}".encode())
        content.update(np.ascontiguousarray(array, "<f4").tobytes())
    return {"model": type(model).__name__, "probe_sha256": content.hexdigest()}


@contextmanager
def users_code(what: str) -> Iterator[None]:
    """Say what was tried when a user's code raises an error; the error itself is its cause.

    Raises
    ------
    InputError
    """
    try:
        yield
    except HeschlError:
        raise
    except Exception as error:
        raise InputError(
            f"{what} raised {type(error).__name__}: {error}. Correct it, or try it by itself"
        ) from error
