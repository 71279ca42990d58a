"""Whether scores follow from the predictions that come with them: nothing is believed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from heschl import probes, stats
from heschl.results import Detail, ProbeDetail, RdmDetail, Results

#: Scores are written with all digits; more than this is no rounding.
TOLERANCE = 1e-6
#: Scope, target (or listener) and region of a score; "" is all of auditory cortex.
Place = tuple[str, str, str]


def regression_problems(detail: Detail, others: Results, ours: Results) -> Iterator[str]:
    """Compute r2 again from the predictions, for the responses of the study."""
    where = f"{detail.model} on {detail.dataset}"
    mine = [one for one in ours.details if one.dataset == detail.dataset]
    if mine and not np.array_equal(mine[0].measured, detail.measured, equal_nan=True):
        yield f"{where}: other responses than those of the study; expected the same"
        return
    r2 = np.maximum(np.nan_to_num(_correlations(detail.predicted, detail.measured)), 0) ** 2
    again: dict[Place, float] = {}
    for name, value in zip(detail.targets["target"], r2, strict=True):
        again["target", str(name), ""] = float(value)
    if "listener" in detail.targets:
        again |= _over_listeners(detail.targets, np.where(np.isnan(detail.r2), np.nan, r2))
    yield from _compared(where, _rows(others, detail.provenance, "r2"), again)


def similarity_problems(detail: RdmDetail, others: Results) -> Iterator[str]:
    """Compute rho again from the dissimilarities."""
    rho = [
        scipy.stats.spearmanr(x, y).statistic if np.isfinite(x).all() else np.nan
        for x, y in zip(detail.brain, detail.compared, strict=True)
    ]
    again: dict[Place, float] = {}
    for region, rows in detail.groups.groupby("region", dropna=False):
        name = "" if pd.isna(region) else str(region)
        values = np.array([rho[i] for i in rows.index], np.float64)
        for listener, value in zip(rows["listener"], values, strict=True):
            again["listener", str(listener), name] = float(value)
        again["dataset", "all", name] = float(np.nanmean(values))
    where = f"{detail.model} on {detail.dataset}"
    yield from _compared(where, _rows(others, detail.provenance, "rho"), again)


def _over_listeners(targets: pd.DataFrame, r2: np.ndarray[Any, Any]) -> dict[Place, float]:
    """Return the median of each listener and their mean, in all and in each region."""
    again: dict[Place, float] = {}
    listeners = targets["listener"].to_numpy(str)
    regions = targets.get("region", pd.Series([None] * len(targets), dtype=object))
    for region in [None, *regions.dropna().unique()]:
        here = np.ones(len(targets), bool) if region is None else (regions == region).to_numpy()
        found = stats.over_listeners(r2[here], listeners[here])
        name = region or ""
        again["dataset", "all", name] = found.mean
        for listener, value in zip(found.listeners, found.values, strict=True):
            again["listener", listener, name] = float(value)
    return again


def _rows(others: Results, provenance: str, unit: str) -> pd.DataFrame:
    scores = others.scores
    return scores[(scores["provenance"] == provenance) & (scores["unit"] == unit)]


def _compared(where: str, rows: pd.DataFrame, again: Mapping[Place, float]) -> Iterator[str]:
    """Compare rows with what was computed again; a row of which nothing is known is refused."""
    unit = str(rows["unit"].iloc[0]) if len(rows) else ""
    for row in rows[["scope", "target", "region", "value"]].to_dict(orient="records"):
        region = "" if row["scope"] == "target" or pd.isna(row["region"]) else str(row["region"])
        value = float(row["value"])
        computed = again.get((str(row["scope"]), str(row["target"]), region), np.nan)
        if not (np.isnan(value) or abs(value - computed) <= TOLERANCE):
            yield _not_following(f"{where}, {row['target']}: {unit}", value, computed)


def _correlations(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    scale = np.sqrt((x * x).sum(axis=0) * (y * y).sum(axis=0))
    return np.divide((x * y).sum(axis=0), scale, out=np.zeros(x.shape[1]), where=scale > 0)


def probe_problems(probe: ProbeDetail, others: Results) -> Iterator[str]:
    """Compute the official score again from the logits: of each split, then their mean."""
    unit = probe.units[0]
    splits = probe.clips["split"].to_numpy()
    rows = others.scores[
        (others.scores["provenance"] == probe.provenance)
        & (others.scores["unit"] == unit)
        & (others.scores["scope"] == "dataset")
    ]
    parts = [splits == name for name in dict.fromkeys(splits)]
    scores = [float(probes.score(unit, probe.outputs[p], probe.labels[p])) for p in parts]
    for value in rows["value"]:
        if not abs(value - float(np.mean(scores))) <= TOLERANCE:
            yield _not_following(
                f"{probe.model} on {probe.dataset}: {unit}", value, float(np.mean(scores))
            )


def _not_following(what: str, value: float, computed: float) -> str:
    return (
        f"{what} is said to be {value:.6f}, but its own predictions give {computed:.6f}; expected "
        "the results as heschl wrote them"
    )
