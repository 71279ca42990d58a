"""Which measures and models a figure shows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.linking import Linked
from heschl.report.paper.names import is_whole
from heschl.report.selection import FEW

Item = TypeVar("Item")

#: The model without learning that others are drawn against.
BASELINE = "spectrotemporal"

#: Kinds of similarity in the order of the panels.
_METRICS = ("regression", "rsa")


def models(linked: Linked) -> list[str]:
    """Names of the models that are no controls."""
    table = linked.models
    return [str(name) for name in table.loc[table["control"].isna(), "model"]]


def scores(linked: Linked, measure: str) -> pd.DataFrame:
    """Return the finite values of one measure, and all that belongs to them, by model."""
    rows = linked.values[linked.values["measure"] == measure]
    return rows[np.isfinite(rows["value"].astype(float))].set_index("model")


def brain_measures(linked: Linked) -> pd.DataFrame:
    """Return the measures of brains without regions; those of a whole dataset come first.

    Left out are measures without a single value, r beside its square, and single targets where
    there are more than a figure can show (voxels).
    """
    table = linked.measures
    valued = set(linked.values.loc[linked.values["value"].notna(), "measure"])
    chosen = (table["kind"] == "brain") & table["region"].isna() & (table["unit"] != "r")
    table = table[chosen & table["measure"].isin(valued)].reset_index(drop=True)
    whole = _whole(table)
    groups = [group.index for group in _groups(table[~whole]) if len(group) <= FEW]
    order = [*_by_metric(table[whole]).index, *itertools.chain(*groups)]
    return table.loc[order]


def main_measures(linked: Linked) -> pd.DataFrame:
    """Return the measures of whole datasets; where there is none, those of single targets."""
    table = brain_measures(linked)
    whole = _whole(table)
    return table[whole] if whole.any() else table


def target_groups(linked: Linked) -> list[pd.DataFrame]:
    """Return the measures of single targets, one table for each dataset and analysis."""
    table = brain_measures(linked)
    return list(_groups(table[~_whole(table)]))


def _whole(table: pd.DataFrame) -> NDArray[np.bool_]:
    return np.array([is_whole(row) for _, row in table.iterrows()], bool)


def _groups(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    columns = ["dataset", "metric", "protocol", "unit"]
    yield from (rows for _, rows in table.groupby(columns, sort=False, dropna=False))


def _by_metric(table: pd.DataFrame) -> pd.DataFrame:
    place = [_METRICS.index(m) if m in _METRICS else len(_METRICS) for m in table["metric"]]
    return table.iloc[np.argsort(place, kind="stable")]


def drawn_bars(linked: Linked) -> tuple[list[str], str | None]:
    """Return the models that are bars, and the one that is a line instead, if others are there.

    A model that was not run itself has a place too if its controls were.
    """
    names = models(linked)
    bases = linked.models.loc[linked.models["control"].notna(), "base"].dropna()
    names = list(dict.fromkeys([*names, *(str(name) for name in bases)]))
    if BASELINE in names and len(names) > 1:
        return [name for name in names if name != BASELINE], BASELINE
    return names, None


def pages(items: Sequence[Item], most: int) -> list[Sequence[Item]]:
    """Spread items evenly over as few pages as hold ``most`` each."""
    n_pages = -(-len(items) // most)
    each = -(-len(items) // max(n_pages, 1))
    return [items[i * each : (i + 1) * each] for i in range(n_pages)]
