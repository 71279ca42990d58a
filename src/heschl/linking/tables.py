"""What is known of many models together: tidy tables, made by `heschl.linking.link`.

A *measure* is one number that every model can have: its score on a hearing task, its similarity to
a brain by one metric, or the overall score of all tasks. Its name says where it comes from, as in
``"natsound165/regression/pepino2025/pitch/r2"``; a region follows its target after an ``@``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd

#: The mean of the z-scores of all tasks (Pepino et al. 2025), as a measure.
OVERALL = "overall"


@dataclass(frozen=True)
class Linked:
    """Tables over models.

    Attributes
    ----------
    models : DataFrame
        One row per model, in the order of the results: ``model``; ``family``; ``training``
        ("self-supervised", "supervised", "hand-built"; missing where not known); ``control``
        ("random", "permuted", or missing for the model itself) and ``base`` (the model that it
        controls, missing for a model itself); ``parameters`` and ``hours`` (of training data),
        missing where not known; ``n_tasks`` (tasks with a score) and ``overall`` (mean z-score over
        them; missing for controls, whose z-scores would not be of the same set).
    measures : DataFrame
        One row per measure: ``measure`` (its name), ``kind`` ("task", "brain" or "overall"),
        ``dataset`` (or task), ``metric``, ``protocol``, ``target``, ``region``, ``unit``, and
        ``label``, for people.
    values : DataFrame
        One row per model and measure: ``model``, ``measure``, ``value``, ``low``, ``high``,
        ``stderr``, ``ceiling``, ``n_runs`` (over how many seeds the value is a mean).
    correlations : DataFrame
        Over models, one row for each pair of a task (or overall) and a brain measure: ``task``,
        ``brain`` (names of measures), ``subset`` ("all models", "overall > -1"), ``kind``
        ("pearson" or "spearman"), ``n`` (models), ``value``, ``low``, ``high``, ``p``, ``q``.
        Controls are left out, here and below.
    without_family : DataFrame
        The same for overall, Pearson, all models, without one family at a time: ``brain``,
        ``family`` (left out), ``n``, ``value``, ``p``.
    partial : DataFrame
        Correlations of overall and each brain measure that take into account what models share:
        ``brain``, ``given`` ("family": each less its family's mean; "family means": one case for
        each family; "parameters", "hours" or "parameters, hours": partial correlations given their
        logarithms), ``n``, ``value``, ``p``; ``plain`` is the correlation over the same models with
        nothing given.
    groups : DataFrame
        Kinds of training compared: ``measure``, ``first``, ``second``, ``how`` ("within families"
        or "between families"), ``n`` (families), ``difference`` (first less second), ``p``.
    controls : DataFrame
        Trained models against their controls: ``measure``, ``control``, ``model`` ("all models":
        the mean over them), ``n`` (models), ``trained``, ``untrained``, ``difference``, ``low``,
        ``high``, ``p`` (of the mean, over models).
    agreement : DataFrame
        Pairs of brain measures over models: ``first``, ``second``, ``kind``, ``n``, ``value``,
        ``low``, ``high``, ``p``.
    """

    models: pd.DataFrame = field(repr=False)
    measures: pd.DataFrame = field(repr=False)
    values: pd.DataFrame = field(repr=False)
    correlations: pd.DataFrame = field(repr=False)
    without_family: pd.DataFrame = field(repr=False)
    partial: pd.DataFrame = field(repr=False)
    groups: pd.DataFrame = field(repr=False)
    controls: pd.DataFrame = field(repr=False)
    agreement: pd.DataFrame = field(repr=False)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by their names."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


#: Columns of each table, in order.
COLUMNS: dict[str, tuple[str, ...]] = {
    "models": (
        "model",
        "family",
        "training",
        "control",
        "base",
        "parameters",
        "hours",
        "n_tasks",
        "overall",
    ),
    "measures": (
        "measure",
        "kind",
        "dataset",
        "metric",
        "protocol",
        "target",
        "region",
        "unit",
        "label",
    ),
    "values": ("model", "measure", "value", "low", "high", "stderr", "ceiling", "n_runs"),
    "correlations": (
        "task",
        "brain",
        "subset",
        "kind",
        "n",
        "value",
        "low",
        "high",
        "p",
        "q",
    ),
    "without_family": ("brain", "family", "n", "value", "p"),
    "partial": ("brain", "given", "n", "value", "p", "plain"),
    "groups": ("measure", "first", "second", "how", "n", "difference", "p"),
    "controls": (
        "measure",
        "control",
        "model",
        "n",
        "trained",
        "untrained",
        "difference",
        "low",
        "high",
        "p",
    ),
    "agreement": ("first", "second", "kind", "n", "value", "low", "high", "p"),
}


def table(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make one of the tables from rows; what a row does not have is missing."""
    return pd.DataFrame(rows, columns=list(COLUMNS[name]))
