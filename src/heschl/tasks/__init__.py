"""Tasks: labelled clips on which probes are trained and scored."""

from __future__ import annotations

import os
from pathlib import Path

from heschl.errors import UnknownNameError
from heschl.registry import Registry
from heschl.tasks import hear, synthetic
from heschl.tasks.spec import TaskSpec
from heschl.tasks.task import UNITS, Prediction, Round, Task, TaskSplit

TASKS: Registry[TaskSpec] = Registry("task", [*hear.SPECS, *synthetic.SPECS])


def load_task(task: str | Path | Task) -> Task:
    """Return a task by its name, from a folder in the HEAR layout, or as it is.

    Parameters
    ----------
    task : str, Path or Task
        A name of ``heschl list``, or the path of a folder in the HEAR layout, or of one above it. A
        name goes before a folder of the same name; write ``./NAME`` for the folder.

    Returns
    -------
    Task
        Labels, metadata and names of files have been checked against each other; its sounds are
        read by `Task.at_rate`.

    Raises
    ------
    UnknownNameError
        If there is neither a task of that name nor such a folder.
    InputError
        If what is in the folder does not fit together.
    OfflineError, FetchError
        If the data are not on this machine and can't be brought.

    Examples
    --------
    >>> load_task("synthetic-tones").n_classes
    6
    """
    if isinstance(task, Task):
        return task
    if isinstance(task, str) and task in TASKS:
        return TASKS[task].load()
    path = Path(task).expanduser()
    if path.is_dir() or isinstance(task, Path) or os.sep in task:
        return hear.load(path)
    try:
        return TASKS[task].load()
    except UnknownNameError as error:
        raise UnknownNameError(f"{error} Nor is there a folder of that name.") from None


__all__ = [
    "TASKS",
    "UNITS",
    "Prediction",
    "Round",
    "Task",
    "TaskSpec",
    "TaskSplit",
    "load_task",
]
