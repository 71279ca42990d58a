"""Trajectories after the fact: every checkpoint of a training, measured one after the other.

What was measured is kept; an interrupted run goes on from there, and a checkpoint that fails does
not take the others down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heschl import progress
from heschl.brain import BrainDataset
from heschl.dynamics.checkpoints import find_checkpoints
from heschl.dynamics.hub import PUBLISHED
from heschl.dynamics.loading import Load, check_architecture
from heschl.dynamics.measuring import chosen_metrics
from heschl.dynamics.prepared import load_datasets
from heschl.dynamics.table import Trajectory, claim_folder, read_trajectory
from heschl.dynamics.tracing import CheckpointFailure, How, Tracing
from heschl.models.references import CHECKPOINTS
from heschl.study.uncertainty import Uncertainty


@dataclass(frozen=True)
class Trace:
    """What `trace` found.

    Attributes
    ----------
    folder : Path
    n_checkpoints : int
        How many there are.
    trajectory : Trajectory or None
        Of those that could be measured; None if none could.
    failures : tuple of CheckpointFailure
    """

    folder: Path
    n_checkpoints: int
    trajectory: Trajectory | None = field(repr=False)
    failures: tuple[CheckpointFailure, ...] = ()


def trace(
    checkpoints: str | Path | Sequence[str | Path],
    datasets: str | Path | BrainDataset | Sequence[str | Path | BrainDataset],
    *,
    output: str | Path,
    as_model: str | None = None,
    load: Load | None = None,
    name: str | None = None,
    every: int = 1,
    metrics: Sequence[str] | None = None,
    layers: Sequence[str] | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
    device: str | None = None,
    batch_size: int | None = None,
    n_jobs: int | None = None,
    keep: bool = True,
    show_progress: bool = True,
) -> Trace:
    """Measure every checkpoint of a training; go on where an earlier run was interrupted.

    Parameters
    ----------
    checkpoints : str, Path or sequence of them
        A folder, ``hf:ORG/NAME[/FOLDER]``, the name of a published trajectory, or several
        references of models; see `find_checkpoints`.
    datasets : str, Path or BrainDataset, or a sequence of them
        As for `heschl.load_dataset`.
    output : str or Path
        Folder of the trajectory.
    as_model : str, optional
        Name of a model of 'heschl list' whose architecture the checkpoints have. By default that of
        the published trajectory, or what each checkpoint says of itself.
    load : function, optional
        Takes the path of a checkpoint and returns a torch module or an `AudioModel`.
    name : str, optional
        Of the run; by default that of the folder of checkpoints.
    every : int, optional
        Only steps that are multiples of it.
    metrics, layers, n_bootstrap, seed, device, batch_size, n_jobs
        See `measure`.
    keep : bool, optional
        Whether checkpoints of the hub stay on the disk; else there is one at a time.
    show_progress : bool, optional

    Returns
    -------
    Trace

    Raises
    ------
    UsageError, UnknownNameError, InputError, FetchError
        If an argument names nothing, or no checkpoint could be measured with it.
    MissingDependencyError
        If a package is needed and not installed.
    StoreError
        If the folder cannot be written.
    """
    several = [checkpoints] if isinstance(checkpoints, str | Path) else list(checkpoints)
    published = PUBLISHED.get(str(several[0])) if len(several) == 1 else None
    if as_model is None and load is None and published is not None:
        as_model = published.as_model
    check_architecture(as_model, load)
    Uncertainty(n_bootstrap, 0, seed)
    data = load_datasets(datasets)
    wanted = {one.name: chosen_metrics(metrics, one) for one in data}
    found = find_checkpoints(several, every=every)
    folder, run = Path(output), name or _name_of(several)
    claim_folder(folder, run)
    how = How(as_model, load, layers, n_bootstrap, seed, device, batch_size, n_jobs)
    work = Tracing(folder, run, [(one, wanted[one.name]) for one in data], how)
    work.keep, work.show_progress = keep, show_progress
    for i, checkpoint in enumerate(found):
        progress.say(f"{i + 1} of {len(found)}: {checkpoint.name}", show=show_progress)
        work.add(checkpoint)
    there = read_trajectory(folder) if work.rows else None
    return Trace(folder, len(found), there, tuple(work.failures))


def _name_of(several: Sequence[str | Path]) -> str:
    if len(several) > 1:
        return Path(several[0]).parent.name or str(several[0])
    text = str(several[0])
    if text in PUBLISHED:
        return text
    path = Path(text.removeprefix("hf:")).expanduser()
    return path.resolve().parent.name if path.name == CHECKPOINTS else path.name
