"""What a study is divided into: extractions, and the analyses of what they give.

A job is carried out at once, in one process of any machine that has the study's folder. It is told
by numbers and names alone, and may be done any number of times: what is there is not done again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from heschl.studies.steps import Step

Kind = Literal["lasting", "temporary", "memory", "lost", "withdrawn"]
"""Of what goes wrong: for good; what may work later; not enough memory; the process died; whoever
gave the job out is gone, which says nothing about the job."""


@dataclass(frozen=True)
class Job:
    """A piece of a study.

    Attributes
    ----------
    steps : tuple of int
        Places of the steps in the study: of an extraction all those that it serves, of an analysis
        its own.
    what : str
        In words.
    after : int or None
        Of an analysis: the place in the list of jobs of the extraction that comes before it.
    """

    steps: tuple[int, ...]
    what: str
    after: int | None = None

    @property
    def extracts(self) -> bool:
        """Whether it is an extraction."""
        return self.after is None


@dataclass(frozen=True)
class Extracted:
    """What an extraction found out and did.

    Attributes
    ----------
    names : mapping of int to str
        The folder of each step's result, which has its key.
    there : frozenset of int
        Steps whose results are there.
    activations : mapping of str to str
        The keys of what was extracted, by the name of the split; "" is a dataset. Empty if nothing
        was needed.
    model : str
        What it is called in the tables.
    device : str
        Where the model runs.
    """

    names: Mapping[int, str]
    there: frozenset[int]
    activations: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    device: str = "cpu"


@dataclass(frozen=True)
class Trouble:
    """Why a job was not done.

    Attributes
    ----------
    kind : {"lasting", "temporary", "memory", "lost", "withdrawn"}
    text : str
    traceback : str
        Where it happened; for the log.
    """

    kind: Kind
    text: str
    traceback: str = field(default="", repr=False)


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes
    ----------
    result : Extracted, str or None
        Of an extraction what it found; of an analysis the name of its result's folder; None if it
        was not done.
    trouble : Trouble or None
    warnings : tuple of str
    seconds : float
    where : str
        Which process did it, for people.
    """

    result: Extracted | str | None = None
    trouble: Trouble | None = None
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    where: str = ""


@dataclass(frozen=True)
class Attempt:
    """A job that is given out, for the first time or again.

    Attributes
    ----------
    number : int
        Place of the job in the list of jobs.
    job : Job
    extracted : Extracted or None
        Of an analysis: what the extraction before it gave.
    tries : int
        How often it was given out before.
    smaller : bool
        Whether memory was not enough before, so that fewer sounds are to go together.
    """

    number: int
    job: Job
    extracted: Extracted | None = None
    tries: int = 0
    smaller: bool = False


def jobs_of(steps: Sequence[Step], wanted: set[str]) -> list[Job]:
    """Return the jobs of a study, in the order in which one process would do them.

    Parameters
    ----------
    steps : sequence of Step
        All of the study: neighbours on one model and data share an extraction.
    wanted : set of str
        The models that are to be done.
    """
    return list(_jobs(steps, wanted))


def _jobs(steps: Sequence[Step], wanted: set[str]) -> Iterator[Job]:
    count = itertools.count()
    places = enumerate(steps)
    for (model, _, data), group in itertools.groupby(places, key=lambda one: _pair(one[1])):
        mine = list(group)
        if model not in wanted:
            continue
        extraction = next(count)
        yield Job(tuple(place for place, _ in mine), f"{model} on {data}")
        for place, step in mine:
            next(count)
            yield Job((place,), str(step), after=extraction)


def _pair(step: Step) -> tuple[str, bool, str]:
    return step.model, step.probes, step.data
