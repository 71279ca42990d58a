"""Where the results of a command go: a folder, a table on the terminal, a file of rows."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from heschl import store
from heschl.cli import tables
from heschl.results import Results


def check_places(options: argparse.Namespace) -> None:
    """Refuse, before anything is computed, places that cannot be written."""
    store.check_writable(options.output or _runs())
    if options.json is not None and options.json != "-":
        store.check_writable(Path(options.json).absolute().parent)


def keep(result: Results, options: argparse.Namespace) -> None:
    """Save results and show them as the options ask for."""
    from heschl.study import run_name

    folder = options.output or _runs() / run_name(result)
    result.save(folder)
    if options.json == "-":
        print(json.dumps(result.rows(), indent=1))
        return
    tables.show_scores(result)
    if options.json is not None:
        store.write_json(Path(options.json), result.rows())
        print(f"rows: {options.json}")
    print(f"results: {folder}")
    print(f"look at them: heschl report {folder}")


def _runs() -> Path:
    return store.home() / "runs"
