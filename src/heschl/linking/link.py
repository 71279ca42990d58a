"""From scores of many models to what they show together (protocols of Pepino et al. 2025)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl import stats
from heschl.linking.controls import control_rows
from heschl.linking.measures import describe_measures, measure_rows, values_of
from heschl.linking.tables import COLUMNS, OVERALL, Linked, table
from heschl.results import Results

FloatArray = NDArray[np.float64]
Row = dict[str, Any]

#: The published study correlates over all models, and again without those that do worst.
SUBSETS = ("all models", "overall > -1")
KINDS: tuple[stats.CorrelationKind, ...] = ("pearson", "spearman")
COVARIATES = (("parameters",), ("hours",), ("parameters", "hours"))


def link(
    results: Results, traits: pd.DataFrame, *, n_bootstrap: int = 1000, seed: int = 0
) -> Linked:
    """Link brains and tasks over models.

    Parameters
    ----------
    results : Results
        Of many models.
    traits : DataFrame
        One row for each model: ``model``, ``family``, ``training``, ``control``, ``base``,
        ``parameters``, ``hours``.
    n_bootstrap, seed : int, optional
        Resamples of models for the intervals of correlations, and their seed.

    Returns
    -------
    Linked
        A part for which there is nothing to compute is a table without rows.

    Notes
    -----
    A task's scores are standardised over the models that are no controls (ddof 1); ``overall`` is a
    model's mean over the tasks it has (Pepino et al. 2025). q controls the false discovery rate
    (Benjamini & Hochberg 1995) over the correlations of one subset and kind.
    """
    rows = measure_rows(results)
    measures = describe_measures(rows)
    values = values_of(rows)
    order = list(dict.fromkeys(str(name) for name in results.scores["model"]))
    known = traits.set_index("model").reindex(order)
    wide = _wide(values, order, [one["measure"] for one in measures])
    own = known["control"].isna().to_numpy()
    tasks = [one["measure"] for one in measures if one["kind"] == "task"]
    brains = [one["measure"] for one in measures if one["kind"] == "brain"]
    scores = wide.loc[own, tasks].to_numpy(np.float64)
    overall = np.full(len(order), np.nan)
    if tasks:
        overall[own] = stats.overall(scores)
        measures.append(_overall_measure())
        values.extend(_overall_values(order, overall, (~np.isnan(scores)).sum(axis=1), own))
    wide = wide.assign(**{OVERALL: overall})
    models = wide[own], known[own]
    return Linked(
        models=_models(known, wide[tasks], overall),
        measures=table("measures", measures),
        values=table("values", values),
        correlations=_correlations(models[0], tasks, brains, n_bootstrap, seed),
        without_family=table("without_family", list(_without_family(*models, brains))),
        partial=table("partial", list(_partial(*models, brains))),
        groups=table("groups", list(_groups(*models, [*tasks, *brains]))),
        controls=table("controls", list(control_rows(wide, known, [*tasks, *brains], seed))),
        agreement=table("agreement", list(_agreement(models[0], brains, n_bootstrap, seed))),
    )


def _wide(values: list[Row], models: list[str], measures: list[str]) -> pd.DataFrame:
    """One row for each model, one column for each measure."""
    found = pd.DataFrame(values, columns=list(COLUMNS["values"]))
    wide = found.pivot_table(index="model", columns="measure", values="value", dropna=False)
    return wide.reindex(index=models, columns=measures).astype(float)


def _overall_measure() -> Row:
    return {
        "measure": OVERALL,
        "kind": "overall",
        "target": "all",
        "unit": "z",
        "label": "overall task score (mean z)",
    }


def _overall_values(
    order: list[str], overall: FloatArray, n_tasks: NDArray[np.integer], own: NDArray[np.bool_]
) -> Iterator[Row]:
    for place, n in zip(np.flatnonzero(own), n_tasks, strict=True):
        if n:
            yield {
                "model": order[place],
                "measure": OVERALL,
                "value": float(overall[place]),
                "n_runs": 1,
            }


def _models(known: pd.DataFrame, tasks: pd.DataFrame, overall: FloatArray) -> pd.DataFrame:
    found = known.assign(n_tasks=tasks.notna().sum(axis=1), overall=overall)
    return found.rename_axis("model").reset_index()[list(COLUMNS["models"])]


def _correlations(
    wide: pd.DataFrame, tasks: list[str], brains: list[str], n_bootstrap: int, seed: int
) -> pd.DataFrame:
    rows: list[Row] = []
    for subset, kind in itertools.product(SUBSETS, KINDS):
        chosen = wide if subset == SUBSETS[0] else wide[wide[OVERALL] > -1]
        rows_now = [
            {"task": task, "brain": brain, "subset": subset}
            | _row(
                stats.correlate(
                    _column(chosen, task),
                    _column(chosen, brain),
                    kind=kind,
                    n_bootstrap=n_bootstrap,
                    seed=seed,
                )
            )
            for task, brain in itertools.product([OVERALL, *tasks] if tasks else [], brains)
        ]
        if rows_now:
            q = stats.fdr(np.array([row["p"] for row in rows_now], np.float64))
            rows.extend(row | {"q": float(one)} for row, one in zip(rows_now, q, strict=True))
    return table("correlations", rows)


def _without_family(
    wide: pd.DataFrame, known: pd.DataFrame, brains: Iterable[str]
) -> Iterator[Row]:
    if wide[OVERALL].isna().all():
        return
    families = known["family"].to_numpy(object)
    x = _column(wide, OVERALL)
    for brain in brains:
        pairs = stats.without_each_family(x, _column(wide, brain), families)
        for family, found in pairs.items():
            yield {"brain": brain, "family": family, **_row(found)}


def _partial(wide: pd.DataFrame, known: pd.DataFrame, brains: Iterable[str]) -> Iterator[Row]:
    if wide[OVERALL].isna().all():
        return
    x, families = _column(wide, OVERALL), known["family"].to_numpy(object)
    for brain in brains:
        y = _column(wide, brain)
        plain = stats.correlate(x, y, n_bootstrap=0)
        for name, shared in (
            ("family", stats.within_families(x, y, families)),
            ("family means", stats.of_family_means(x, y, families, n_bootstrap=0)),
        ):
            yield {"brain": brain, "given": name, "plain": plain.value, **_row(shared)}
    for brain, names in itertools.product(brains, COVARIATES):
        # models of which nothing is learned have neither size nor training data: they drop out
        sizes = known[list(names)].to_numpy(np.float64)
        given = np.log10(np.where(sizes > 0, sizes, np.nan))
        y = _column(wide, brain)
        there = ~np.isnan(given).any(axis=1)
        plain = stats.correlate(x[there], y[there], n_bootstrap=0)
        found = stats.partial_correlation(x, y, given)
        yield {"brain": brain, "given": ", ".join(names), "plain": plain.value, **_row(found)}


def _groups(wide: pd.DataFrame, known: pd.DataFrame, measures: list[str]) -> Iterator[Row]:
    training = known["training"].to_numpy(object)
    kinds = [kind for kind in dict.fromkeys(training) if isinstance(kind, str)]
    names = [*measures, OVERALL] if wide[OVERALL].notna().any() else measures
    for measure, (first, second) in itertools.product(names, itertools.combinations(kinds, 2)):
        for found in stats.compare_groups(
            _column(wide, measure), training, known["family"].to_numpy(object), first, second
        ):
            yield {
                "measure": measure,
                "first": first,
                "second": second,
                "how": found.how,
                "n": found.n,
                "difference": found.difference,
                "p": found.p,
            }


def _agreement(wide: pd.DataFrame, brains: list[str], n_bootstrap: int, seed: int) -> Iterator[Row]:
    for (first, second), kind in itertools.product(itertools.combinations(brains, 2), KINDS):
        found = stats.correlate(
            _column(wide, first),
            _column(wide, second),
            kind=kind,
            n_bootstrap=n_bootstrap,
            seed=seed,
        )
        yield {"first": first, "second": second, **_row(found)}


def _column(wide: pd.DataFrame, name: str) -> FloatArray:
    return wide[name].to_numpy(np.float64)


def _row(found: stats.Association) -> Row:
    return {name: getattr(found, name) for name in ("kind", "n", "value", "low", "high", "p")}
