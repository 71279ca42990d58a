"""The command ``report``: the page of a run or a training, or the site of many models."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from heschl import results as results_module
from heschl.brain import DATASETS, load_dataset
from heschl.errors import FetchError, printable
from heschl.results import Results
from heschl.sounds import Sounds

PAGE, SITE = "report.html", "site"


def run_report(options: argparse.Namespace) -> None:
    """Write the page, or the site, of one or more runs."""
    from heschl.dynamics import is_trajectory
    from heschl.studies import is_study

    path: Path | None = options.output
    if any(is_trajectory(run) for run in options.runs):  # one that is none will be named
        from heschl.report import write_dynamics_report

        print(write_dynamics_report(*options.runs, output=path))
        return
    if path is None:
        first: Path = options.runs[0]
        path = first / (SITE if is_study(first) else PAGE)
    if path.suffix.lower() in (".html", ".htm"):
        _write_page(options, path)
    else:
        _write_site(options, path)


def _write_page(options: argparse.Namespace, path: Path) -> None:
    from heschl.report import write_report
    from heschl.studies import command_lines, is_study, load_run

    result = results_module.merge(
        [load_run(run).results(run) if is_study(run) else Results.load(run) for run in options.runs]
    )
    sounds = _sounds_of(result, options.dataset)
    command = "\n".join(command_lines(result))
    print(write_report(result, path, sounds=sounds, command=command))


def _write_site(options: argparse.Namespace, folder: Path) -> None:
    from heschl.report import write_site
    from heschl.studies import gather

    found = gather(options.runs)
    print(
        write_site(
            found.results,
            found.linked,
            folder,
            title=found.title,
            sounds=_sounds_of(found.results, options.dataset),
            study=found.study,
            failures=found.failures,
            commands=found.commands,
            specs=found.specs,
        )
    )


def _sounds_of(result: Results, paths: Sequence[str]) -> dict[str, Sounds]:
    """Return the sounds of each dataset of the results, as far as they are to be had."""
    own = {dataset.name: dataset.sounds for dataset in map(load_dataset, paths)}
    found: dict[str, Sounds] = {}
    of_brains = result.scores[result.scores["metric"] != "probe"]
    for name in dict.fromkeys(of_brains["dataset"]):
        if name in own:
            found[name] = own[name]
        elif name in DATASETS:
            try:
                found[name] = DATASETS[name].load().sounds
            except FetchError as error:
                said = printable(f"no players for {name}: {error}")
                print(f"heschl: warning: {said}", file=sys.stderr)
        else:
            print(
                f"heschl: warning: no players for {name}: give its folder with --dataset",
                file=sys.stderr,
            )
    return found
