"""The parts of results that belong to one model."""

from __future__ import annotations

from typing import Any

from heschl.results import Results
from heschl.results.details import Behind


def results_of(results: Results, model: str) -> Results:
    """Return what results hold of one model; of several runs of one analysis, the first."""
    rows = results.scores[results.scores["model"] == model]
    keys = ["dataset", "metric", "protocol"]
    first: dict[tuple[Any, ...], str] = {}
    for *key, provenance in rows[[*keys, "provenance"]].itertuples(index=False, name=None):
        first.setdefault(tuple(key), str(provenance))
    kept = set(first.values())
    provenance = {key: value for key, value in results.provenance.items() if key in kept}
    chosen = rows[rows["provenance"].isin(kept)].drop_duplicates()

    def mine(behind: tuple[Behind, ...]) -> tuple[Behind, ...]:
        found: dict[tuple[str, str, str], Behind] = {}
        for one in behind:
            if one.model == model and one.provenance in kept:
                found.setdefault((one.dataset, one.metric, one.protocol), one)
        return tuple(found.values())

    return Results(
        chosen,
        provenance,
        mine(results.details),
        mine(results.profiles),
        mine(results.rdms),
        mine(results.probes),
    )


def n_runs(results: Results, model: str) -> int:
    """Return the largest number of runs of one analysis of a model."""
    rows = results.scores[results.scores["model"] == model]
    if rows.empty:
        return 0
    keys = ["dataset", "metric", "protocol"]
    return int(rows.groupby(keys)["provenance"].nunique().max())
