"""What a study consists of: one step for each model, data and analysis, in a fixed order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from heschl.models import MODELS
from heschl.models.references import parse
from heschl.studies.description import ModelEntry
from heschl.studies.names import place_of
from heschl.studies.reading import StudyFile
from heschl.study import analyses

PROBE = "probe"


@dataclass(frozen=True)
class Step:
    """One result of a study.

    Attributes
    ----------
    model : str
        What is given to `heschl.load_model`.
    entry : ModelEntry
        The entry of the file that it comes from; of a control, that of its model.
    data : str
        The dataset or task as the file names it.
    place : str or Path
        What is given to `load_dataset` or `load_task`.
    metric, protocol : str
    seed : int
    """

    model: str
    entry: ModelEntry = field(repr=False)
    data: str
    place: str | Path = field(repr=False)
    metric: str
    protocol: str
    seed: int

    @property
    def probes(self) -> bool:
        """Whether it is on a hearing task."""
        return self.metric == PROBE

    @property
    def name(self) -> str:
        """Return a name of letters, digits, points and hyphens."""
        parts = (self.model, Path(self.data).name, self.metric, self.protocol, f"seed{self.seed}")
        return "_".join(re.sub(r"[^A-Za-z0-9.-]+", "-", part).strip("-.") for part in parts)[:150]

    def __str__(self) -> str:
        return f"{self.model} on {self.data}: {self.metric}, {self.protocol}"


def steps_of(file: StudyFile) -> list[Step]:
    """Return the steps of a study, model by model, each model before its controls."""
    return [step for name, entry in models_of(file) for step in _steps_of_model(file, name, entry)]


def models_of(file: StudyFile) -> Iterator[tuple[str, ModelEntry]]:
    """Yield each model and its controls, with the entry they come from."""
    for entry in file.description.models:
        yield entry.name, entry
        if _learned(entry.name):
            for control in file.description.controls:
                yield f"{entry.name}@{control}", entry


def _learned(name: str) -> bool:
    """Whether anything of a model is learned, and it is no control itself."""
    reference = parse(name)
    if reference.control is not None:
        return False
    return reference.kind != "zoo" or MODELS[reference.target].weights is not None


def _steps_of_model(file: StudyFile, name: str, entry: ModelEntry) -> Iterator[Step]:
    said = file.description
    for data in said.datasets:
        for metric, protocol in analyses(said.metrics, said.protocols):
            place = place_of(file, data)
            yield Step(name, entry, data.name, place, metric, protocol, said.seeds[0])
    for task in said.tasks:
        for protocol in said.probes:
            for seed in said.seeds:
                yield Step(name, entry, task.name, place_of(file, task), PROBE, protocol, seed)
