"""What is known of each model of a study: family, training, size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from heschl.errors import HeschlError
from heschl.models import facts

COLUMNS = ("model", "family", "training", "control", "base", "parameters", "hours")


def traits(
    names: Iterable[str], said: Mapping[str, Mapping[str, Any]] | None = None
) -> pd.DataFrame:
    """Return one row for each model.

    Parameters
    ----------
    names : iterable of str
        As in tables of scores.
    said : mapping of str to mapping, optional
        What is said of models that heschl does not know.

    Returns
    -------
    DataFrame
        With `COLUMNS`. A model of no known family is a family of its own.
    """
    rows = [_row(name, (said or {}).get(name, {})) for name in names]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"parameters": float, "hours": float})


def _row(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    control, base = control_of(name)
    known: dict[str, Any] = {}
    with contextlib.suppress(HeschlError):  # of others' results, a model may not be known here
        known = asdict(facts(base or name))
    found = {
        "model": name,
        "control": control,
        "base": base,
        **{key: known.get(key) for key in ("family", "training", "parameters", "hours")},
        **said,
    }
    if control is not None:  # fresh weights have learned nothing, shuffled ones have lost it
        found |= {"training": None, "hours": None}
    if found["family"] is None:
        found["family"] = base or name
    return found


def control_of(name: str) -> tuple[str | None, str | None]:
    """Return the kind of control that a name stands for, and its model; or None for both."""
    rest, at, end = name.rpartition("@")
    kind = end.partition(":")[0]
    if not at or kind not in ("random", "permuted"):
        return None, None
    return kind, rest
