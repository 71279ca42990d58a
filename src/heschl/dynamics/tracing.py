"""One checkpoint after the other: brought, loaded, measured, its rows kept, and let go."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from heschl.brain import BrainDataset
from heschl.dynamics.checkpoints import Checkpoint
from heschl.dynamics.hub import bring, remove
from heschl.dynamics.kept import kept_or_measured, place_of, read_kept
from heschl.dynamics.keys import describe, settings_key, weights_key
from heschl.dynamics.loading import Load, load_checkpoint
from heschl.dynamics.measuring import measure
from heschl.dynamics.prepared import resampled
from heschl.dynamics.table import write_header, write_scores
from heschl.errors import MissingDependencyError, UnknownNameError, UsageError
from heschl.models import AudioModel
from heschl.results import environment

log = logging.getLogger("heschl")


@dataclass(frozen=True)
class CheckpointFailure:
    """A checkpoint that could not be measured.

    Attributes
    ----------
    step : int
    name : str
        Of its file.
    error : str
        What went wrong.
    """

    step: int
    name: str
    error: str


@dataclass(frozen=True)
class How:
    """How checkpoints are loaded and measured; as for `heschl.dynamics.trace`."""

    as_model: str | None = None
    load: Load | None = None
    layers: Sequence[str] | None = None
    n_bootstrap: int = 0
    seed: int = 0
    device: str | None = None
    batch_size: int | None = None
    n_jobs: int | None = None

    def record(self) -> dict[str, Any]:
        """Return what changes the numbers, JSON-ready."""
        return {
            "as_model": self.as_model,
            "load": getattr(self.load, "__qualname__", None),
            "layers": None if self.layers is None else list(self.layers),
            "n_bootstrap": self.n_bootstrap,
            "seed": self.seed,
        }


class Tracing:
    """The checkpoints of a run, measured one after the other.

    Parameters
    ----------
    folder : Path
        Of the trajectory.
    run : str
        Its name.
    data : sequence of (BrainDataset, metrics)
    how : How

    Attributes
    ----------
    keep, show_progress : bool
        Whether checkpoints of the hub stay on the disk, and whether there are progress bars.
    rows : list of DataFrame
        Of the checkpoints that could be measured.
    failures : list of CheckpointFailure
    """

    def __init__(
        self,
        folder: Path,
        run: str,
        data: Sequence[tuple[BrainDataset, Sequence[str]]],
        how: How,
    ) -> None:
        self.folder, self.run, self.data, self.how = folder, run, data, how
        self.keep, self.show_progress = True, False
        self.rows: list[pd.DataFrame] = []
        self.failures: list[CheckpointFailure] = []
        self._described = [
            {"dataset": describe(one), "metrics": list(metrics)} | how.record()
            for one, metrics in data
        ]
        self._ready: dict[tuple[str, int], BrainDataset] = {}

    def add(self, checkpoint: Checkpoint) -> None:
        """Measure a checkpoint, unless its rows are there, and write the trajectory so far.

        Raises
        ------
        UsageError, UnknownNameError, MissingDependencyError
            If what was asked for is wrong, of this checkpoint and of all others.
        """
        try:
            found = self._rows(checkpoint)
        except (UsageError, UnknownNameError, MissingDependencyError):
            raise
        except Exception as error:
            log.warning("%s failed: %s", checkpoint.name, error)
            log.debug("what failed:", exc_info=error)
            reason = str(error) or type(error).__name__
            self.failures.append(CheckpointFailure(checkpoint.step, checkpoint.name, reason))
        else:
            self.rows.append(found.assign(run=self.run, step=checkpoint.step))
        finally:
            if not self.keep:
                remove(checkpoint)
        self._write()

    def _rows(self, checkpoint: Checkpoint) -> pd.DataFrame:
        """Return the rows of a checkpoint; bring and load it only if some are not there."""
        weights = weights_key(checkpoint)
        if weights is not None:
            kept = [read_kept(place) for place in self._places(checkpoint, weights)]
            there = [one for one in kept if one is not None]
            if len(there) == len(kept):
                return pd.concat(there, ignore_index=True)
        bring(checkpoint, show=self.show_progress)
        how = self.how
        model = load_checkpoint(checkpoint, as_model=how.as_model, load=how.load, device=how.device)
        known = weights_key(checkpoint) or dict(model.identity())
        places = self._places(checkpoint, known)
        found = [
            kept_or_measured(place, lambda i=i: self._measure(model, i))  # type: ignore[misc]
            for i, place in enumerate(places)
        ]
        return pd.concat(found, ignore_index=True)

    def _places(self, checkpoint: Checkpoint, weights: Any) -> list[Path]:
        return [
            place_of(
                self.folder, f"{checkpoint.step:09d}", settings_key(one | {"weights": weights})
            )
            for one in self._described
        ]

    def _measure(self, model: AudioModel, index: int) -> pd.DataFrame:
        data, metrics = self.data[index]
        ready = self._ready.get((data.name, model.sample_rate))
        if ready is None:
            ready = resampled(data, model.sample_rate)
            self._ready[data.name, model.sample_rate] = ready
        how = self.how
        return measure(
            model,
            ready,
            metrics=metrics,
            layers=how.layers,
            n_bootstrap=how.n_bootstrap,
            seed=how.seed,
            batch_size=how.batch_size,
            n_jobs=how.n_jobs,
            show_progress=self.show_progress,
        )

    def _write(self) -> None:
        if self.rows:
            write_scores(self.folder, pd.concat(self.rows, ignore_index=True))
        provenance = {
            "environment": environment(),
            "datasets": [one["dataset"] for one in self._described],
            "metrics": {data.name: list(metrics) for data, metrics in self.data},
            **self.how.record(),
            "failures": [vars(one) for one in self.failures],
        }
        write_header(self.folder, self.run, provenance)
