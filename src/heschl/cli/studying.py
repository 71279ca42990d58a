"""The commands for many models: ``study plan``, ``study run``, ``study add``, and ``figures``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from heschl import store
from heschl.errors import HeschlError, UsageError, printable
from heschl.threads import n_threads

if TYPE_CHECKING:
    from heschl.studies.crew import Gather


class StudyIncompleteError(HeschlError):
    """Steps of a study failed; all others are done."""


def run_study(options: argparse.Namespace) -> None:
    """Plan a study, run it, or add results of others to it."""
    {"plan": _plan, "run": _run, "add": _add}[options.action](options)


def _plan(options: argparse.Namespace) -> None:
    from heschl.cli.planning import plan
    from heschl.studies import read_study

    file = read_study(options.file)
    plan(options, file, _folder(options, file.description.study))


def _run(options: argparse.Namespace) -> None:
    from heschl.studies import Running, read_study, run_study

    file = read_study(options.file)
    folder = _folder(options, file.description.study)
    n_threads(options.jobs)
    how = Running(options.device, options.batch_size, options.jobs)
    crew = _crew(options.cluster)
    run = run_study(file, folder, models=options.model, how=how, crew=crew)
    print(f"{len(run.runs)} of {run.n_steps} steps are done")
    if run.runs:
        print(f"tables: {folder / 'tables'}")
        print(f"look at them: heschl report {folder} --output SITE")
    if run.failures:
        for failure in run.failures:
            what = f"{failure.model} on {failure.data} ({failure.metric}, {failure.protocol})"
            print(printable(f"failed: {what}: {failure.error}"))
        raise StudyIncompleteError(
            f"{len(run.failures)} of {run.n_steps} steps failed; the others are done. Once the "
            "reason is gone, the same command does only what is missing"
        )


def _crew(cluster: str | None) -> Gather:
    """Return who does the work."""
    from heschl.studies.crew import alone

    if cluster is None:
        return alone
    from heschl.cluster import gather, parse_place

    return gather(parse_place(cluster))


def _add(options: argparse.Namespace) -> None:
    from heschl.studies import add_results

    for source in options.sources:
        add_results(options.folder, source)
        print(f"added: {source}")


def run_figures(options: argparse.Namespace) -> None:
    """Write figures and the table for a paper."""
    from heschl.report import write_paper_figures
    from heschl.studies import gather

    store.check_writable(options.output)
    found = gather(options.runs)
    formats = tuple(options.format)
    for path in write_paper_figures(found.results, found.linked, options.output, formats=formats):
        print(path)


def _folder(options: argparse.Namespace, name: str) -> Path:
    folder: Path = options.output or store.home() / "studies" / name
    if folder.is_file():
        raise UsageError(f"{folder} is a file; expected a folder for the results of the study")
    return folder
