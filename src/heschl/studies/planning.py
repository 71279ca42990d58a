"""The plan of a study: what will run, what is there already, and what it will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from heschl.fetch import is_offline
from heschl.models import MODELS, ModelSpec, check_reference
from heschl.models.references import parse
from heschl.results import FILE
from heschl.studies.costs import NOTHING, Cost, analysis, extraction
from heschl.studies.data import Data
from heschl.studies.folder import RUNS
from heschl.studies.keys import step_key
from heschl.studies.lazy import LazyModel
from heschl.studies.names import base_name, check_names, shown, users_modules
from heschl.studies.reading import StudyFile
from heschl.studies.sizes import data_size, model_size
from heschl.studies.steps import Step, models_of, steps_of

#: Of the official tasks, 16 bits a sample.
RELEASED_RATE = 48_000
State = Literal["there", "to do", "cannot be done"]


@dataclass(frozen=True)
class PlannedStep:
    """A step, and what is known of it before it runs.

    Attributes
    ----------
    step : Step
    state : {"there", "to do", "cannot be done"}
    why : str
        Why it cannot be done.
    cost : Cost
        Nothing if it is there.
    """

    step: Step
    state: State
    why: str = ""
    cost: Cost = NOTHING


@dataclass(frozen=True)
class Download:
    """Something that has to be brought first.

    Attributes
    ----------
    name : str
    n_bytes : float
        Estimated where the size is not published.
    weights : bool
        Of a model, not of a dataset or task.
    """

    name: str
    n_bytes: float
    weights: bool


@dataclass(frozen=True)
class Plan:
    """What a study will do.

    Attributes
    ----------
    steps : tuple of PlannedStep
    downloads : tuple of Download
    """

    steps: tuple[PlannedStep, ...] = field(repr=False)
    downloads: tuple[Download, ...]

    def of(self, state: State) -> list[PlannedStep]:
        """Return the steps of a state."""
        return [one for one in self.steps if one.state == state]

    @property
    def cost(self) -> Cost:
        """All that is to do: seconds and disk add up, memory is the largest."""
        return sum((one.cost for one in self.steps), NOTHING)


def plan_study(file: StudyFile, folder: str | Path) -> Plan:
    """Decide what a study will do; nothing is downloaded, computed or written.

    Parameters
    ----------
    file : StudyFile
    folder : str or Path
        Where results are, or will be.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If a name in the file stands for nothing; each with its line.
    """
    check_names(file)
    data, folder = Data(file), Path(folder)
    extracted: set[tuple[str, str]] = set()
    models = {name: LazyModel(name) for name, _ in models_of(file)}
    with users_modules(file):
        steps = tuple(
            _planned(step, file, data, folder, models[step.model], extracted)
            for step in steps_of(file)
        )
    return Plan(steps, tuple(_downloads([one.step for one in steps if one.state == "to do"], data)))


def _planned(
    step: Step,
    file: StudyFile,
    data: Data,
    folder: Path,
    lazy: LazyModel,
    extracted: set[tuple[str, str]],
) -> PlannedStep:
    try:
        if data.is_here(step):
            if any((folder / RUNS).glob(f"{step.name}-*")):  # else the key need not be known
                key = step_key(step, file.description, data, lazy.get)
                if (folder / RUNS / f"{step.name}-{key}" / FILE).is_file():
                    return PlannedStep(step, "there")
            size = data_size(data.get(step))
        elif is_offline():
            why = f"{step.data} is not on this machine, and HESCHL_OFFLINE forbids to bring it"
            return PlannedStep(step, "cannot be done", why)
        else:
            size = data_size(data.spec(step))
        check_reference(step.model)
        model = model_size(base_name(step.model))
    except Exception as error:  # noqa: BLE001 - a user's code raises what it likes
        return PlannedStep(step, "cannot be done", shown(error))
    cost = analysis(step, model, size)
    if (step.model, step.data) not in extracted:  # all analyses of a dataset share it
        extracted.add((step.model, step.data))
        cost += extraction(model, size)
    return PlannedStep(step, "to do", cost=cost)


def _downloads(steps: Sequence[Step], data: Data) -> list[Download]:
    found: dict[str, Download] = {}
    for step in steps:
        if not data.is_here(step):
            spec = data.spec(step)
            estimate = 2 * RELEASED_RATE * data_size(spec).seconds
            n_bytes = None if spec.plan is None else spec.plan().n_bytes
            found[step.data] = Download(step.data, n_bytes or estimate, weights=False)
        reference = parse(step.model)
        if reference.kind == "zoo" and reference.file is None and reference.control != "random":
            spec_of_model = MODELS[reference.target]
            if spec_of_model.weights is not None and spec_of_model.name not in found:
                found.update(_weights(spec_of_model))
    return list(found.values())


def _weights(spec: ModelSpec) -> dict[str, Download]:
    from heschl.models import weights

    if weights.installed(spec) is not None:
        return {}
    n_bytes = weights.fetch_plan(spec).n_bytes
    estimate = 4.0 * model_size(spec.name).parameters
    return {spec.name: Download(spec.name, n_bytes or estimate, weights=True)}
