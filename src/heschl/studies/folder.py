"""The folder of a study: one folder for each result, what failed, and an index of both.

The index, ``study.json``, is written anew after every step, and always whole. Results that no
longer belong to the study (its file was changed) stay in ``runs/`` and are no longer in the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from heschl import store
from heschl.errors import DamagedEntryError, InputError
from heschl.results import Results, merge

INDEX = "study.json"
RUNS = "runs"
FORMAT = 1


@dataclass(frozen=True)
class Failure:
    """A step that could not be done.

    Attributes
    ----------
    model, data, metric, protocol : str
        Data: the dataset or task as the file names it.
    error : str
        What went wrong.
    """

    model: str
    data: str
    metric: str
    protocol: str
    error: str

    @property
    def what(self) -> str:
        """What failed, in one line."""
        return ", ".join(part for part in (self.data, self.metric, self.protocol) if part)


@dataclass(frozen=True)
class StudyRun:
    """What there is of a study in its folder.

    Attributes
    ----------
    study, title : str
    text : str
        Of the study file.
    models : mapping of str to mapping
        What the file says of each model: ``family``, ``training``, ``hours``, ``parameters``; by
        the name in the tables.
    commands : mapping of str to tuple of str
        The commands that compute the scores of each model again, by the name in the tables.
    runs : tuple of str
        Folders of results, in the order of the study.
    failures : tuple of Failure
    n_steps : int
        How many results the study has when it is done.
    added : tuple of mapping
        Results of others: ``folder`` and ``source``.
    """

    study: str
    title: str
    text: str = field(repr=False)
    models: Mapping[str, Mapping[str, Any]] = field(repr=False)
    commands: Mapping[str, Sequence[str]] = field(repr=False)
    runs: tuple[str, ...] = field(repr=False)
    failures: tuple[Failure, ...]
    n_steps: int
    added: tuple[Mapping[str, str], ...] = ()

    @property
    def done(self) -> bool:
        """Whether every step has its result."""
        return len(self.runs) == self.n_steps

    def save(self, folder: Path) -> None:
        """Write the index."""
        content = {"format": FORMAT, **asdict(self)}
        store.write_json(folder / INDEX, content)

    def results(self, folder: Path, *, only_scores: bool = False) -> Results:
        """Read all results, in the order of the study, then those of others.

        Parameters
        ----------
        folder : Path
        only_scores : bool, optional
            As in `Results.load`.

        Raises
        ------
        InputError
            If there is none yet.
        DamagedEntryError
            If one was altered.
        """
        names = [*self.runs, *(one["folder"] for one in self.added)]
        if not names:
            raise InputError(f"{folder}: no results yet; expected a study of which a step is done")
        return merge(
            [
                Results.load(folder / RUNS / Path(name).name, only_scores=only_scores)
                for name in names
            ]
        )


def is_study(folder: Path) -> bool:
    """Whether a folder is that of a study."""
    return (folder / INDEX).is_file()


def load_run(folder: str | Path) -> StudyRun:
    """Read the index of a study's folder.

    Raises
    ------
    InputError
        If the folder is not that of a study, or of another format.
    DamagedEntryError
        If the index cannot be understood.
    """
    path = Path(folder) / INDEX
    if not path.is_file():
        raise InputError(f"{folder}: no study here ({INDEX} is missing); expected its folder")
    try:
        content = store.read_json(path)
        found = content.pop("format")
        if found != FORMAT:
            raise InputError(f"{path}: format {found!r}; this heschl reads {FORMAT}: run it again")
        content["failures"] = tuple(Failure(**one) for one in content["failures"])
        content["runs"], content["added"] = tuple(content["runs"]), tuple(content["added"])
        folders = (*content["runs"], *(one["folder"] for one in content["added"]))
        if not all(isinstance(one, str) for one in folders):
            raise TypeError("folders of results that are no texts")
        return StudyRun(**content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise DamagedEntryError(
            f"{path}: not as heschl wrote it ({type(error).__name__}: {error}); run the study again"
        ) from error
