"""Embeddings as a probe wants them: every layer of one width, rows of several splits in a line.

They are read from the store in parts. What fits into memory is held there, anything larger lies in
a scratch file whose rows are read as they are asked for: a page of it is never mapped, so that a
task of any size trains in the memory of one batch.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heschl import store
from heschl.activations import Activations, bytes_free
from heschl.errors import DamagedEntryError
from heschl.probes import ArrayRows, Components, Rows, fit_components, n_components

FloatArray = NDArray[np.float32]

#: Share of the free memory that embeddings may take.
IN_MEMORY = 0.25


class FileRows:
    """Rows of a file: for each clip all layers, float32, without gaps.

    Parameters
    ----------
    path : Path
    n_rows, n_layers, width : int
    """

    def __init__(self, path: Path, n_rows: int, n_layers: int, width: int) -> None:
        self.n_rows, self.n_layers, self.width = n_rows, n_layers, width
        self._file = path.open("rb", buffering=0)

    def take(self, indices: NDArray[np.integer], out: FloatArray | None = None) -> FloatArray:
        """Return rows in the order of ``indices``: (n_layers, n_indices, width)."""
        if out is None:
            out = np.empty((self.n_layers, len(indices), self.width), np.float32)
        row = np.empty((self.n_layers, self.width), np.float32)
        for place, index in enumerate(indices):
            self._read(row, int(index) * row.nbytes)
            out[:, place] = row
        return out

    def _read(self, row: FloatArray, offset: int) -> None:
        self._file.seek(offset)
        rest = row.reshape(-1).view(np.uint8).data
        while rest:
            n_bytes = self._file.readinto(rest)
            if not n_bytes:
                raise DamagedEntryError(f"{self._file.name}: cut short while it was in use")
            rest = rest[n_bytes:]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Embeddings:
    """All layers of all splits of a task.

    Parameters
    ----------
    splits : mapping of str to Activations
        By the name of the split; of the same layers.
    """

    def __init__(self, splits: Mapping[str, Activations]) -> None:
        self.splits = dict(splits)
        first = next(iter(self.splits.values()))
        self.layers = tuple(first)
        self.widths = tuple(first.shape(layer)[1] for layer in self.layers)
        self.n_rows = {name: one.shape(self.layers[0])[0] for name, one in splits.items()}

    def reader(self, names: Sequence[str]) -> Callable[[int], FloatArray]:
        """Return a function that reads one layer of some splits, (n_rows, n_features)."""

        def read(layer: int) -> FloatArray:
            return np.concatenate([self.splits[name][self.layers[layer]] for name in names])

        return read

    def components(self, train: Sequence[str]) -> list[Components] | None:
        """Fit what brings the layers to one width on the training splits; None if they have one."""
        if len(set(self.widths)) == 1:
            return None
        n_train = sum(self.n_rows[name] for name in train)
        kept = n_components(n_train, self.widths)
        return [
            fit_components(self._chunks(train, layer), n_train, width, kept)
            for layer, width in zip(self.layers, self.widths, strict=True)
        ]

    @contextlib.contextmanager
    def rows(
        self, parts: Mapping[str, Sequence[str]], components: Sequence[Components] | None
    ) -> Iterator[dict[str, Rows]]:
        """Hold rows ready while the block runs.

        Parameters
        ----------
        parts : mapping of str to sequence of str
            Names of splits that belong together, such as ``{"train": ["fold02", "fold03"]}``.
        components : sequence of Components, optional
            The result of `components`.

        Yields
        ------
        dict of str to Rows
        """
        width = self.widths[0] if components is None else len(components[0].axes)
        n_rows = sum(self.n_rows[name] for names in parts.values() for name in names)
        n_bytes = 4 * n_rows * len(self.layers) * width
        if n_bytes <= IN_MEMORY * bytes_free("cpu"):
            yield {
                part: ArrayRows(self._array(names, components, width))
                for part, names in parts.items()
            }
            return
        root = store.make_folder(store.home() / "scratch")
        store.check_space(root, n_bytes)
        with tempfile.TemporaryDirectory(dir=root) as folder, contextlib.ExitStack() as stack:
            found: dict[str, Rows] = {}
            for part, names in parts.items():
                path = Path(folder) / part
                n = self._write(path, names, components)
                rows = FileRows(path, n, len(self.layers), width)
                stack.callback(rows.close)
                found[part] = rows
            yield found

    def _array(
        self, names: Sequence[str], components: Sequence[Components] | None, width: int
    ) -> FloatArray:
        n_rows = sum(self.n_rows[name] for name in names)
        out = np.empty((len(self.layers), n_rows, width), np.float32)
        start = 0
        for chunk in self._whole_chunks(names, components):
            out[:, start : start + chunk.shape[1]] = chunk
            start += chunk.shape[1]
        return out

    def _write(
        self, path: Path, names: Sequence[str], components: Sequence[Components] | None
    ) -> int:
        n_rows = 0
        with store.writing(path), path.open("wb") as file:
            for chunk in self._whole_chunks(names, components):
                file.write(np.ascontiguousarray(chunk.transpose(1, 0, 2)).data)
                n_rows += chunk.shape[1]
        return n_rows

    def _whole_chunks(
        self, names: Sequence[str], components: Sequence[Components] | None
    ) -> Iterator[FloatArray]:
        """Yield all layers of consecutive rows: (n_layers, n_rows, width)."""
        for name in names:
            for part in self.splits[name].parts(self.layers):
                rows = [part[layer] for layer in self.layers]
                if components is not None:
                    rows = [
                        one.transform(features)
                        for one, features in zip(components, rows, strict=True)
                    ]
                yield np.stack(rows)

    def _chunks(self, names: Sequence[str], layer: str) -> Iterator[FloatArray]:
        for name in names:
            for part in self.splits[name].parts([layer]):
                yield part[layer]
