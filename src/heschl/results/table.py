"""The tidy table: one row per score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

#: The columns of every table of scores.
#:
#: dataset : or the task, where a model was probed
#: scope : "target" (one voxel, component or electrode), "listener", "dataset" (or the whole task),
#:     or "fold" of a task
#: target : name of the target, listener or fold; "all" for a dataset
#: region : part of auditory cortex that the score is limited to; missing for all of it
#: layer : the layer chosen most often (first of the model's layers on ties), or with the largest
#:     weight in the mixture of a probe
#: value, unit : the score and what it is: "r2" (squared, negative r counted as 0), "r", "rho",
#:     "r2_corrected" (divided by reliabilities, Tuckute et al. 2023); of a probe "accuracy", "mAP",
#:     "auc" or "d_prime"
#: ceiling : what a model that knew the true responses would reach, in the same unit; missing if it
#:     cannot be known. Estimated ceilings are not clipped.
#: fraction : value / ceiling; missing where the ceiling is missing or not above 0
#: stderr : standard error over listeners; missing for a single target or listener
#: low, high : ends of the interval of the value, at the level that the provenance states
#: p, q : probability of such a value under the null, and the same after control of the false
#:     discovery rate among the scores of one model, dataset, metric, protocol and scope
#: provenance : key into the provenance of the results
COLUMNS = (
    "model",
    "dataset",
    "metric",
    "protocol",
    "scope",
    "target",
    "region",
    "layer",
    "value",
    "unit",
    "ceiling",
    "fraction",
    "stderr",
    "low",
    "high",
    "p",
    "q",
    "n_sounds",
    "provenance",
)
#: Those that are names, or words; region and layer may be missing.
TEXTS = (
    *("model", "dataset", "metric", "protocol", "scope", "target", "region", "layer", "unit"),
    "provenance",
)
_NUMBERS = ("value", "ceiling", "stderr", "low", "high", "p", "q")


def score_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make the tidy table from rows, with its columns in order and numbers as numbers."""
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    for column in _NUMBERS:
        table[column] = pd.to_numeric(table[column]).astype(float)
    for column in ("region", "layer"):
        table[column] = table[column].astype(object).where(table[column].notna(), None)
    table["fraction"] = table["value"] / table["ceiling"].where(table["ceiling"] > 0)
    return table


def json_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as a list of JSON-ready rows; None where a value is missing."""
    filled = table.astype(object).where(table.notna(), None)
    return [
        {str(key): _plain(value) for key, value in row.items()}
        for row in filled.to_dict(orient="records")
    ]


def json_columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a table as JSON-ready columns; None where a value is missing."""
    filled = table.astype(object).where(table.notna(), None)
    return {str(name): [_plain(value) for value in filled[name]] for name in filled.columns}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
