"""What a study could not do, as the site tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import PurePath

import pandas as pd

from heschl.report.site.measures import Measure
from heschl.studies import Failure


def concerns(failure: Failure, measure: Measure) -> bool:
    """Whether a measure has no value because of a failure; its empty parts stand for everything."""
    if measure.kind == "overall":
        return False
    of_data = {"", measure.dataset} & {failure.data, PurePath(failure.data).name}
    same_metric = failure.metric in ("", measure.metric)
    return bool(of_data) and same_metric and failure.protocol in ("", measure.protocol)


def failure_table(failures: Sequence[Failure]) -> pd.DataFrame:
    """Return failures as a table, for its file."""
    columns = [one.name for one in fields(Failure)]
    return pd.DataFrame([[getattr(one, c) for c in columns] for one in failures], columns=columns)
