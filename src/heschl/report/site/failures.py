"""What a study could not do, as the site tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

import pandas as pd

from heschl.report.site.measures import Measure


class FailureLike(Protocol):
    """What is told of a failure; `heschl.studies.Failure` is one."""

    @property
    def model(self) -> str:
        """Name of the model."""

    @property
    def data(self) -> str:
        """Name of the dataset or task, or its path."""

    @property
    def metric(self) -> str:
        """Name of the metric."""

    @property
    def protocol(self) -> str:
        """Name of the protocol."""

    @property
    def error(self) -> str:
        """What went wrong."""


@dataclass(frozen=True)
class Failure:
    """One thing that could not be computed.

    Attributes
    ----------
    model, data, metric, protocol : str
        ``data`` is a dataset or task; each may be empty, where everything of it failed.
    error : str
        What went wrong.
    """

    model: str
    data: str
    metric: str
    protocol: str
    error: str

    @property
    def what(self) -> str:
        """What failed, in one line."""
        return ", ".join(part for part in (self.data, self.metric, self.protocol) if part)

    def concerns(self, measure: Measure) -> bool:
        """Whether a measure has no value because of this."""
        if measure.kind == "overall":
            return False
        of_data = {"", measure.dataset} & {self.data, PurePath(self.data).name}
        same_metric = self.metric in ("", measure.metric)
        return bool(of_data) and same_metric and self.protocol in ("", measure.protocol)


def known(failures: Sequence[FailureLike]) -> tuple[Failure, ...]:
    """Return failures with their texts as texts."""
    return tuple(
        Failure(*(str(getattr(one, name)) for name in Failure.__dataclass_fields__))
        for one in failures
    )


def failure_table(failures: Sequence[Failure]) -> pd.DataFrame:
    """Return failures as a table, for its file."""
    columns = list(Failure.__dataclass_fields__)
    return pd.DataFrame([[getattr(one, c) for c in columns] for one in failures], columns=columns)
