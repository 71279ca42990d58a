"""Trained models against the same architecture with fresh or shuffled weights."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import NDArray

from heschl import stats

Row = dict[str, Any]
ALL = "all models"
#: Families that a test needs: with fewer, no pattern of signs is rare.
FEWEST = 3
LEVEL = 0.95


def control_rows(
    wide: pd.DataFrame, known: pd.DataFrame, measures: Sequence[str], seed: int
) -> Iterator[Row]:
    """Yield, for each measure and kind of control, every model's difference and their mean.

    Parameters
    ----------
    wide : DataFrame
        One row for each model and control, one column for each measure.
    known : DataFrame
        ``control``, ``base`` and ``family`` of each, in the same order.
    measures : sequence of str
    seed : int
        Of the patterns of signs, where there are too many families to try all.

    Notes
    -----
    Of several seeds of a control the mean is taken. Models of one family are no independent cases:
    the mean over models, its t interval and the test of signs (`heschl.stats.sign_flip_test`) are
    those of the families' mean differences.
    """
    kinds = [kind for kind in dict.fromkeys(known["control"]) if isinstance(kind, str)]
    for measure, kind in itertools.product(measures, kinds):
        rows = list(_of_models(wide, known, measure, kind))
        if not rows:
            continue
        yield from rows
        yield {"measure": measure, "control": kind, "model": ALL} | _mean(rows, known, seed)


def _of_models(wide: pd.DataFrame, known: pd.DataFrame, measure: str, kind: str) -> Iterator[Row]:
    mine = known[known["control"] == kind]
    column: dict[Any, float] = dict(zip(wide.index, wide[measure].astype(float), strict=True))
    for model, names in mine.groupby("base", sort=False).groups.items():
        if model not in column:
            continue
        trained = column[model]
        untrained = float(np.mean([column[name] for name in names]))
        if np.isfinite(trained) and np.isfinite(untrained):
            yield {
                "measure": measure,
                "control": kind,
                "model": model,
                "n": 1,
                "trained": trained,
                "untrained": untrained,
                "difference": trained - untrained,
            }


def _mean(rows: Sequence[Row], known: pd.DataFrame, seed: int) -> Row:
    names = ["trained", "untrained", "difference"]
    family = known["family"].loc[[row["model"] for row in rows]].tolist()
    families = pd.DataFrame(rows).assign(family=family).groupby("family", sort=False)[names].mean()
    differences = families["difference"].to_numpy(np.float64)
    low, high, p = float("nan"), float("nan"), float("nan")
    if len(differences) >= FEWEST:
        low, high = _interval(differences)
        p = stats.sign_flip_test(differences, seed=seed).p
    means = {name: float(families[name].mean()) for name in names}
    return {"n": len(rows), **means, "low": low, "high": high, "p": p}


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Student's interval of a mean."""
    reach = scipy.stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)
    width = float(reach * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()) - width, float(values.mean()) + width
