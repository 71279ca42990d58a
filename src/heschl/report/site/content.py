"""Everything that a site is made of, looked up by model and measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from heschl.linking import Linked
from heschl.report.site import measures as measures_module
from heschl.report.site.addresses import dataset_page, model_page, task_page
from heschl.report.site.correlations import ALL_MODELS, Correlation, Key, correlations_of
from heschl.report.site.failures import concerns
from heschl.report.site.measures import Measure, Model, Value
from heschl.results import Results
from heschl.studies import Failure


@dataclass(frozen=True, eq=False)
class Content:
    """A study as the pages see it.

    Attributes
    ----------
    results : Results
    linked : Linked
    title : str
    study : str or None
        Text of the study file.
    failures : tuple of Failure
    commands : mapping of str to sequence of str
        Command lines by model.
    specs : mapping of str to mapping
        Facts to show by model.
    sounds : mapping of str to mapping of str to str
        For each dataset the address of each sound's file; without those that are not there.
    """

    results: Results = field(repr=False)
    linked: Linked = field(repr=False)
    title: str
    study: str | None = field(default=None, repr=False)
    failures: tuple[Failure, ...] = ()
    commands: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    specs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    sounds: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """All models; those of which nothing was computed come last."""
        others = [
            *(str(name) for name in self.results.scores["model"]),
            *(one.model for one in self.failures),
        ]
        return measures_module.models_of(self.linked, others)

    @cached_property
    def own(self) -> tuple[Model, ...]:
        """The models that are no controls."""
        return tuple(one for one in self.models if not one.control)

    @cached_property
    def controls(self) -> tuple[Model, ...]:
        """The controls: models with fresh or shuffled weights."""
        return tuple(one for one in self.models if one.control)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """All measures, the overall score first, then tasks, then brains."""
        order = {"overall": 0, "task": 1}
        found = measures_module.measures_of(self.linked)
        return tuple(sorted(found, key=lambda one: order.get(one.kind, 2)))

    @cached_property
    def brains(self) -> tuple[Measure, ...]:
        """The measures of brains; those of whole datasets come first."""
        found = [one for one in self.measures if one.kind == "brain"]
        return tuple(sorted(found, key=lambda one: not one.whole))

    @cached_property
    def tasks(self) -> tuple[Measure, ...]:
        """The overall score, if there is one, and the tasks."""
        return measures_module.task_side(self.measures)

    @cached_property
    def main_brain(self) -> Measure | None:
        """The brain measure that is shown first: of those in which a model has a number."""
        known = [one for one in self.measures if self.ranked(one)]
        return measures_module.default_brain(known or self.measures)

    @cached_property
    def main_task(self) -> Measure | None:
        """The overall score, or the first task in which a model has a number."""
        known = [one for one in self.tasks if self.ranked(one)]
        return next(iter(known or self.tasks), None)

    @cached_property
    def _values(self) -> dict[tuple[str, str], Value]:
        return measures_module.values_of(self.linked)

    @cached_property
    def _labels(self) -> dict[str, Measure]:
        return {one.name: one for one in self.measures}

    def value(self, model: str, measure: Measure) -> Value:
        """Return a model's number in a measure."""
        return self._values.get((model, measure.name), Value())

    def failed(self, model: str, measure: Measure) -> Failure | None:
        """Return why a model has no number in a measure, if that is known."""
        mine = [one for one in self.failures if one.model == model and concerns(one, measure)]
        return mine[0] if mine and not self.value(model, measure).known else None

    @cached_property
    def correlations(self) -> dict[Key, Correlation]:
        """The correlations over models by task, brain measure, subset and kind."""
        return correlations_of(self.linked)

    def correlation(
        self, task: Measure, brain: Measure, *, kind: str = "pearson", subset: str = ALL_MODELS
    ) -> Correlation | None:
        """Return the correlation of two measures over models; None if it was not computed."""
        return self.correlations.get((task.name, brain.name, subset, kind))

    def label(self, measure: str) -> str:
        """Return the name of a measure for people."""
        return self._labels[measure].label if measure in self._labels else measure

    def measure_page(self, measure: str) -> str:
        """Return the address of the page of a measure's dataset or task; "" if it has none."""
        found = self._labels.get(measure)
        if found is None or found.kind == "overall":
            return ""
        return (task_page if found.kind == "task" else dataset_page)(found.dataset)

    def model_page(self, model: str) -> str:
        """Return the address of a model's page; "" if it has none."""
        return model_page(model) if model in self._names else ""

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(one.name for one in self.models)

    def ranked(self, measure: Measure, *, controls: bool = False) -> list[Model]:
        """Return the models that have a number in a measure, the highest first."""
        there = self.models if controls else self.own
        known = [one for one in there if self.value(one.name, measure).known]
        return sorted(known, key=lambda one: -self.value(one.name, measure).value)

    def rank(self, model: str, measure: Measure) -> tuple[int, int] | None:
        """Return a model's place among those that are no controls, from 1, and their number.

        Models of equal values share the first of their places. None for controls, and without a
        number.
        """
        values = self._ranked_values[measure.name]
        mine = self.value(model, measure)
        if not mine.known or not any(one.name == model for one in self.own):
            return None
        return 1 + sum(value > mine.value for value in values), len(values)

    @cached_property
    def _ranked_values(self) -> dict[str, list[float]]:
        return {
            one.name: [self.value(model.name, one).value for model in self.ranked(one)]
            for one in self.measures
        }

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """Names of the brain datasets that have a page."""
        return self._data("brain", probes=False)

    @cached_property
    def task_names(self) -> tuple[str, ...]:
        """Names of the tasks that have a page."""
        return self._data("task", probes=True)

    def _data(self, kind: str, *, probes: bool) -> tuple[str, ...]:
        scores = self.results.scores
        rows = scores.loc[(scores["metric"] == "probe") == probes, "dataset"]
        of_measures = measures_module.by_dataset(self.measures, kind)
        return tuple(dict.fromkeys([*of_measures, *(str(name) for name in rows)]))
