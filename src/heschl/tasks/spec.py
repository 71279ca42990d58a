"""One row of the table of tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from heschl.fetch import FetchPlan
from heschl.tasks.task import Prediction, Task


@dataclass(frozen=True)
class TaskSpec:
    """What is known of a task without its data.

    Attributes
    ----------
    name : str
        What a user types.
    summary : str
        One line.
    load : function without arguments that returns a Task
        The data are brought to this machine if they are not here.
    fetch : function, or None
        Brings the data to this machine, from the published place or from a local copy given as its
        only argument, and returns the folder where they are now. None: the task is embedded.
    plan : function without arguments, or None
        What ``fetch`` would download, and what that takes.
    licence, citation : str
    aliases : tuple of str
        Other names it goes by.
    prediction : {"multiclass", "multilabel"}
    unit : str
        Of its official score.
    n_classes, n_clips : int
    n_rounds : int
        Trainings: one, or one for each fold.
    seconds : float
        Of audio, all clips together.
    """

    name: str
    summary: str
    load: Callable[[], Task]
    fetch: Callable[[Path | None], Path] | None
    plan: Callable[[], FetchPlan] | None
    licence: str
    citation: str
    aliases: tuple[str, ...]
    prediction: Prediction
    unit: str
    n_classes: int
    n_clips: int
    n_rounds: int
    seconds: float

    def size(self) -> str:
        """Say in words how much audio there is."""
        return f"{self.n_clips:,} clips, {duration_in_words(self.seconds)}"


def duration_in_words(seconds: float) -> str:
    """Seconds as "4.5 minutes" or "2.8 hours"."""
    minutes = seconds / 60
    return f"{minutes:.1f} minutes" if minutes < 60 else f"{minutes / 60:.1f} hours"
