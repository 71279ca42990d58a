"""Rows of the table of scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl import stats

Row = dict[str, Any]


def row(scope: str, target: str, value: float, unit: str, **rest: Any) -> Row:
    """Return a row; what is not given is missing."""
    return {"scope": scope, "target": target, "value": value, "unit": unit, **rest}


def with_names(rows: Sequence[Row], names: Mapping[str, Any]) -> list[Row]:
    """Add model, dataset, metric, protocol and provenance; and q where there is p.

    False discoveries are controlled among the rows of one scope, unit and region.
    """
    families: dict[tuple[Any, ...], list[int]] = {}
    for i, one in enumerate(rows):
        families.setdefault((one["scope"], one["unit"], one.get("region")), []).append(i)
    q = np.full(len(rows), np.nan)
    for members in families.values():
        p = np.array([rows[i].get("p", np.nan) for i in members], np.float64)
        if not np.isnan(p).all():
            q[members] = stats.fdr(p)
    return [{**names, **one, "q": q[i]} for i, one in enumerate(rows)]


def most_frequent(layers: Sequence[str], chosen: NDArray[np.integer]) -> str | None:
    """Return the layer chosen most often, the earlier of equals; None if nothing was chosen."""
    counts = Counter(int(i) for i in np.ravel(chosen) if i >= 0)
    if not counts:
        return None
    return layers[max(counts, key=lambda i: (counts[i], -i))]
