"""The plan of a study: what will run, what is there already, and what it will take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from heschl.fetch import is_offline
from heschl.models import MODELS, ModelSpec, check_reference
from heschl.models.references import parse
from heschl.results import FILE
from heschl.studies.costs import NOTHING, Cost, analysis, extraction, loading, opening
from heschl.studies.data import Data
from heschl.studies.folder import RUNS
from heschl.studies.keys import step_key
from heschl.studies.lazy import LazyModel
from heschl.studies.names import base_name, check_names, shown, users_modules
from heschl.studies.reading import StudyFile
from heschl.studies.sizes import DataSize, data_size, model_size
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
    analysis, extraction : Cost
        Nothing if it is there. Analyses of one model and data share an extraction, which the first
        of them has.
    loading, opening : Cost
        What has to be at hand, the model and the data: of the first step that needs it. Each
        process of a cluster brings it anew.
    """

    step: Step
    state: State
    why: str = ""
    analysis: Cost = NOTHING
    extraction: Cost = NOTHING
    loading: Cost = NOTHING
    opening: Cost = NOTHING

    @property
    def cost(self) -> Cost:
        """What it takes in a process that does one step after the other."""
        return self.analysis + self.extraction + self.loading + self.opening


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
    planner = _Planner(file, Path(folder))
    with users_modules(file):
        steps = tuple(planner.plan(step) for step in steps_of(file))
    todo = [one.step for one in steps if one.state == "to do"]
    return Plan(steps, tuple(_downloads(todo, planner.data)))


class _Planner:
    """What is found out once for many steps: names in the folder, sizes of models and data."""

    def __init__(self, file: StudyFile, folder: Path) -> None:
        self.data = Data(file)
        self._file, self._folder = file, folder
        self._models = {name: LazyModel(name) for name, _ in models_of(file)}
        self._names = _names(folder / RUNS)
        self._here: dict[tuple[bool, str], bool] = {}
        self._sizes: dict[tuple[bool, str], DataSize] = {}
        self._at_hand: set[tuple[str, ...]] = set()

    def plan(self, step: Step) -> PlannedStep:
        try:
            if not self._is_here(step) and is_offline():
                why = f"{step.data} is not on this machine, and HESCHL_OFFLINE forbids to bring it"
                return PlannedStep(step, "cannot be done", why)
            if self._is_there(step):
                return PlannedStep(step, "there")
            data = self._size(step)
            check_reference(step.model)
            model = model_size(base_name(step.model))
        except Exception as error:  # noqa: BLE001 - a user's code raises what it likes
            return PlannedStep(step, "cannot be done", shown(error))
        of_data = (str(step.probes), step.data)
        return PlannedStep(
            step,
            "to do",
            analysis=analysis(step, model, data),
            # all analyses of a dataset share it
            extraction=self._once(extraction(model, data), "extraction", step.model, *of_data),
            loading=self._once(loading(model), "loading", step.model),
            opening=self._once(opening(data), "opening", *of_data),
        )

    def _is_there(self, step: Step) -> bool:
        if step.name not in self._names or not self._is_here(step):
            return False  # the key, for which a model may have to be loaded, need not be known
        key = step_key(step, self._file.description, self.data, self._models[step.model].get)
        return (self._folder / RUNS / f"{step.name}-{key}" / FILE).is_file()

    def _is_here(self, step: Step) -> bool:
        key = step.probes, step.data
        if key not in self._here:
            self._here[key] = self.data.is_here(step)
        return self._here[key]

    def _size(self, step: Step) -> DataSize:
        key = step.probes, step.data
        if key not in self._sizes:
            here = self._is_here(step)
            self._sizes[key] = data_size(self.data.get(step) if here else self.data.spec(step))
        return self._sizes[key]

    def _once(self, cost: Cost, *key: str) -> Cost:
        if key in self._at_hand:
            return NOTHING
        self._at_hand.add(key)
        return cost


def _names(runs: Path) -> set[str]:
    """Return the names of the steps of which there is a result, whatever its key."""
    if not runs.is_dir():
        return set()
    return {place.name.rpartition("-")[0] for place in runs.iterdir()}


def _downloads(steps: Sequence[Step], data: Data) -> list[Download]:
    found: dict[str, Download] = {}
    for step in _firsts(steps, lambda one: (one.probes, one.data)):
        if not data.is_here(step):
            spec = data.spec(step)
            estimate = 2 * RELEASED_RATE * data_size(spec).seconds
            n_bytes = None if spec.plan is None else spec.plan().n_bytes
            found[step.data] = Download(step.data, n_bytes or estimate, weights=False)
    for step in _firsts(steps, lambda one: one.model):
        reference = parse(step.model)
        if reference.kind == "zoo" and reference.file is None and reference.control != "random":
            spec_of_model = MODELS[reference.target]
            if spec_of_model.weights is not None and spec_of_model.name not in found:
                found.update(_weights(spec_of_model))
    return list(found.values())


def _firsts(steps: Sequence[Step], of: Callable[[Step], object]) -> list[Step]:
    """Return the first step of each model, or of whatever tells them apart."""
    found: dict[object, Step] = {}
    for step in steps:
        found.setdefault(of(step), step)
    return list(found.values())


def _weights(spec: ModelSpec) -> dict[str, Download]:
    from heschl.models import weights

    if weights.installed(spec) is not None:
        return {}
    n_bytes = weights.fetch_plan(spec).n_bytes
    estimate = 4.0 * model_size(spec.name).parameters
    return {spec.name: Download(spec.name, n_bytes or estimate, weights=True)}
