"""Measures: the numbers that every model of a study can have, gathered from the tidy table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from heschl.results import Results

#: Up to this many targets, each of a dataset is a measure of its own; voxels are summarised.
FEW_TARGETS = 12
#: Units that are compared over models; raw correlations stand beside them in the table of scores.
BRAIN_UNITS = ("r2", "rho", "r2_corrected")
PROBE = "probe"

_KEYS = ["dataset", "metric", "protocol", "target", "region", "unit"]
_SIGNS = {"r2": "r²", "rho": "ρ", "r2_corrected": "corrected r²", "d_prime": "d′", "auc": "AUC"}


def measure_rows(results: Results) -> pd.DataFrame:
    """Return the rows of the table of scores that are measures, with their ``measure``.

    Of a brain dataset: the score of the whole dataset, in all and in each region; and of each
    target, where there are up to `FEW_TARGETS`. Of a task: its first score over all clips.
    """
    scores = results.scores
    if scores.empty:
        return scores.assign(measure=pd.Series(dtype=object))
    brain = (scores["metric"] != PROBE) & scores["unit"].isin(BRAIN_UNITS)
    whole = scores["scope"] == "dataset"
    few = (scores["scope"] == "target") & scores["dataset"].map(_few(scores)).astype(bool)
    official = scores[~brain & whole & (scores["metric"] == PROBE)]
    firsts = official.drop_duplicates([*_KEYS[:3], "model", "provenance"]).index
    chosen = scores[(brain & (whole | few)) | scores.index.isin(firsts)]
    names = [measure_name(row) for row in chosen[_KEYS].to_dict(orient="records")]
    return chosen.assign(measure=names)


def _few(scores: pd.DataFrame) -> dict[Any, bool]:
    targets = scores[scores["scope"] == "target"].groupby("dataset")["target"].nunique()
    return {name: int(targets.get(name, 0)) <= FEW_TARGETS for name in set(scores["dataset"])}


def measure_name(row: dict[Any, Any]) -> str:
    """Return the name of a measure."""
    region = "" if pd.isna(row["region"]) else f"@{row['region']}"
    parts = (row["dataset"], row["metric"], row["protocol"], f"{row['target']}{region}")
    return "/".join([*map(str, parts), str(row["unit"])])


def describe_measures(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what is to be known of each measure, tasks first, in order of appearance."""
    found = []
    for row in rows.drop_duplicates("measure").to_dict(orient="records"):
        kind = "task" if row["metric"] == PROBE else "brain"
        region = None if pd.isna(row["region"]) else row["region"]
        found.append(
            {"measure": row["measure"], "kind": kind, **{key: row[key] for key in _KEYS}}
            | {"region": region, "label": _label(row, kind, region, rows)}
        )
    return sorted(found, key=lambda one: one["kind"] != "task")


def _label(row: dict[Any, Any], kind: str, region: str | None, rows: pd.DataFrame) -> str:
    """Return a measure's name for people: with its protocol only where there are several."""
    sign = _SIGNS.get(str(row["unit"]), str(row["unit"]))
    same = rows[(rows["dataset"] == row["dataset"]) & (rows["metric"] == row["metric"])]
    protocol = f", {row['protocol']}" if same["protocol"].nunique() > 1 else ""
    if kind == "task":
        return f"{row['dataset']} ({sign}{protocol})"
    what = "" if row["target"] == "all" else f" {row['target']}"
    where = "" if region is None else f" {region}"
    return f"{row['dataset']}{what}{where} ({sign}{protocol})"


def values_of(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the value of each model in each measure: over several seeds, the mean.

    The interval and the standard error of several runs are the means of theirs: they tell about
    clips or listeners, which are the same in all runs, not about the seeds.
    """
    numbers = ["value", "low", "high", "stderr", "ceiling"]
    found = []
    for (model, measure), group in rows.groupby(["model", "measure"], sort=False):
        means = {name: _mean(group[name].to_numpy(np.float64)) for name in numbers}
        found.append({"model": model, "measure": measure, **means, "n_runs": len(group)})
    return found


def _mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    return float(values.mean()) if np.isfinite(values).all() else float("nan")
