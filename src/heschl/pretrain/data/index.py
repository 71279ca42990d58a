"""What is known of all training sounds: names, lengths, rates, and how likely each is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class IndexedSource:
    """The files of a source, in the order of their names.

    Attributes
    ----------
    name : str
    root : Path
        What names are relative to.
    weight : float or None
        See `heschl.pretrain.data.Source`.
    names : tuple of str
        Paths relative to the root, or absolute.
    n_samples : ndarray of int64, shape (n_files,)
        Of each channel, as recorded.
    sample_rates : ndarray of int32, shape (n_files,)
        In Hz.
    sizes : ndarray of int64, shape (n_files,)
        In bytes.
    changed : ndarray of int64, shape (n_files,)
        When each file was changed last, in nanoseconds: a file with another time is looked at
        again.
    left_out : tuple of (str, str)
        Names of files that cannot be used, and why.
    """

    name: str
    root: Path
    weight: float | None
    names: tuple[str, ...]
    n_samples: NDArray[np.int64]
    sample_rates: NDArray[np.int32]
    sizes: NDArray[np.int64]
    changed: NDArray[np.int64]
    left_out: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def durations(self) -> NDArray[np.float64]:
        """In seconds, shape (n_files,)."""
        return self.n_samples / self.sample_rates

    @property
    def seconds(self) -> float:
        """Duration of all files."""
        return float(self.durations.sum())


@dataclass(frozen=True)
class SoundIndex:
    """All files of all sources; a file's number counts through the sources in their order.

    Attributes
    ----------
    sources : tuple of IndexedSource
        With at least one file each; all or none have a weight.
    """

    sources: tuple[IndexedSource, ...]

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __repr__(self) -> str:
        names = ", ".join(source.name for source in self.sources)
        return f"<SoundIndex: {len(self)} files, {self.seconds / 3600:.2f} hours: {names}>"

    @property
    def seconds(self) -> float:
        """Duration of all files of all sources."""
        return sum(source.seconds for source in self.sources)

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Number of files up to and with each source, shape (n_sources,)."""
        return np.cumsum([len(source) for source in self.sources], dtype=np.int64)

    @cached_property
    def cumulative(self) -> NDArray[np.float64]:
        """Probability that an item comes from a file or one before it, shape (n_files,).

        A file is as likely as its share of the seconds of its source, or, if there are no weights,
        of all sources.
        """
        shares = [
            source.durations
            if source.weight is None
            else source.durations * (source.weight / source.seconds)
            for source in self.sources
        ]
        total = np.cumsum(np.concatenate(shares))
        return total / total[-1]

    def place(self, file: int) -> tuple[IndexedSource, int]:
        """Return the source of a file by its number, and the file's row there."""
        number = int(np.searchsorted(self.ends, file, side="right"))
        source = self.sources[number]
        return source, file - int(self.ends[number]) + len(source)

    def path(self, file: int) -> Path:
        """Return the path of a file by its number."""
        source, row = self.place(file)
        return source.root / source.names[row]
