"""The tables of a study as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from heschl.report.site.addresses import table_file
from heschl.report.site.content import Content
from heschl.report.site.failures import failure_table
from heschl.results import csv_text

#: What each table holds, one row for each of these.
_HOLDS = {
    "scores": "every score with its interval, ceiling and layer, as computed",
    "models": "each model: family, training, size, overall score",
    "measures": "each measure: dataset or task, metric, protocol, target, region, unit",
    "values": "each model and measure: value, interval, ceiling",
    "correlations": "each task score and brain measure: correlation over models",
    "without_family": "the same without one family at a time",
    "partial": "the same with family, model size or hours of training data given",
    "groups": "kinds of training compared, within and between families",
    "controls": "trained models against fresh or shuffled weights",
    "agreement": "each two brain measures: correlation over models",
    "failures": "what could not be computed, and why",
}


@dataclass(frozen=True)
class Download:
    """A file: its name, its address, what it holds, and how many rows."""

    name: str
    address: str
    holds: str
    n_rows: int | None


def write_tables(content: Content, folder: Path) -> list[Download]:
    """Write every table as CSV, and the study file if it is there; return what was written."""
    found = []
    for name, table in _tables(content).items():
        address = table_file(name)
        path = folder / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(csv_text(table).encode("utf-8", "replace"))
        found.append(Download(f"{name}.csv", address, _HOLDS[name], len(table)))
    if content.study is not None:
        address = "downloads/study.yaml"
        (folder / address).write_bytes(content.study.encode("utf-8", "replace"))
        found.append(
            Download("study.yaml", address, "the study file that all this was made by", None)
        )
    return found


def _tables(content: Content) -> dict[str, pd.DataFrame]:
    tables = {"scores": content.results.scores, **content.linked.tables()}
    if content.failures:
        tables["failures"] = failure_table(content.failures)
    return tables
