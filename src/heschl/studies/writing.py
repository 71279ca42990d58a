"""The tables of a study, written beside its index: the same results give the same bytes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from heschl import store
from heschl.linking import link
from heschl.results import csv_text
from heschl.studies.folder import Failure, StudyRun
from heschl.studies.traits import traits

SCORES = "scores.csv"
TABLES = "tables"


def write_tables(run: StudyRun, folder: Path) -> None:
    """Write ``scores.csv``, ``provenance.json`` and one file for each table of `Linked`.

    Raises
    ------
    InputError, DamagedEntryError
        If there are no results, or one was altered.
    StoreError
        If the folder cannot be written.
    """
    # of thousands of runs, what is behind the scores would not fit into memory
    results = run.results(folder, only_scores=True)
    names = dict.fromkeys(str(name) for name in results.scores["model"])
    linked = link(results, traits(names, run.models))
    store.write_text(folder / SCORES, csv_text(results.scores))
    content = {key: dict(value) for key, value in results.provenance.items()}
    store.write_json(folder / "provenance.json", content)
    store.make_folder(folder / TABLES)
    for name, table in linked.tables().items():
        store.write_text(folder / TABLES / f"{name}.csv", csv_text(table))
    failures = pd.DataFrame(
        [asdict(one) for one in run.failures], columns=list(Failure.__annotations__)
    )
    store.write_text(folder / TABLES / "failures.csv", csv_text(failures))
