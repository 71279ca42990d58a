"""Embeddings as a probe reads them: rows by their indices, from memory or from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from heschl.errors import InputError

FloatArray = NDArray[np.float32]


class Rows(Protocol):
    """Embeddings of clips: every layer of every clip, all of one width.

    Attributes
    ----------
    n_rows, n_layers, width : int
        Clips, layers, and features of each layer.
    """

    @property
    def n_rows(self) -> int: ...  # noqa: D102
    @property
    def n_layers(self) -> int: ...  # noqa: D102
    @property
    def width(self) -> int: ...  # noqa: D102

    def take(self, indices: NDArray[np.integer], out: FloatArray | None = None) -> FloatArray:
        """Return rows in the order of ``indices``: (n_layers, n_indices, width).

        ``out`` may be memory for them: of such size, fresh memory costs more than the copy.
        """
        ...


class ArrayRows:
    """Rows of an array in memory.

    Parameters
    ----------
    array : ndarray, shape (n_layers, n_rows, width)
    """

    def __init__(self, array: NDArray[np.floating]) -> None:
        if array.ndim != 3 or 0 in array.shape:
            raise InputError(
                f"embeddings have shape {array.shape}; expected (n_layers, n_rows, width), none 0"
            )
        self.array = np.ascontiguousarray(array, np.float32)

    @property
    def n_rows(self) -> int:
        """Number of clips."""
        return self.array.shape[1]

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return self.array.shape[0]

    @property
    def width(self) -> int:
        """Features of each layer."""
        return self.array.shape[2]

    def take(self, indices: NDArray[np.integer], out: FloatArray | None = None) -> FloatArray:
        """Return rows in the order of ``indices``: (n_layers, n_indices, width)."""
        if out is None:
            return self.array[:, indices]
        # "clip", or numpy fills a copy of ``out`` first, to leave it alone if an index is wrong
        return np.take(self.array, indices, axis=1, out=out, mode="clip")


def blocks(n_rows: int, size: int) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of consecutive rows, ``size`` at a time; the last block may be smaller."""
    for start in range(0, n_rows, size):
        yield np.arange(start, min(start + size, n_rows))
