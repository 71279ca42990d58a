"""The commands that compare and show results: compare, report, figures, demo."""

from __future__ import annotations

import argparse
from pathlib import Path

from heschl.cli.parsing.common import (
    RUNS,
    Commands,
    add_command,
)


def add_compare(commands: Commands[argparse.ArgumentParser]) -> None:
    """Compare models with each other."""
    command = add_command(
        commands,
        "compare",
        "test whether models differ, on the same resamples of sounds and listeners",
        "heschl compare RUN",
    )
    command.add_argument(
        "runs", metavar="RUN", nargs="+", type=Path, help="folders that 'heschl score' wrote"
    )
    command.add_argument(
        "--bootstrap", metavar="N", type=int, default=1000, help="resamples (default: 1000)"
    )
    command.add_argument("--seed", metavar="N", type=int, default=0, help="of these (default: 0)")
    command.add_argument("--json", metavar="FILE", help="also write the rows as JSON")


def add_report(commands: Commands[argparse.ArgumentParser]) -> None:
    """Write a page or a site."""
    command = add_command(
        commands,
        "report",
        "write a page, or the site of many models, with scores, figures and sounds, from the "
        "results of one or more runs or studies",
        "heschl report RUN --output report.html",
    )
    command.add_argument(
        "runs",
        metavar="RUN",
        nargs="+",
        type=Path,
        help=f"{RUNS}; or trainings that 'heschl pretrain' or 'heschl dynamics' followed",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        type=Path,
        help="a file that ends in .html for one page, else the folder of a site (default: "
        "report.html in the first run's folder; of a study, the folder site in it)",
    )
    command.add_argument(
        "--dataset",
        metavar="PATH",
        nargs="+",
        default=[],
        help="folders of your own datasets, for the players of their sounds",
    )


def add_figures(commands: Commands[argparse.ArgumentParser]) -> None:
    """Write figures for a paper."""
    command = add_command(
        commands,
        "figures",
        "write figures and the table for a paper, from the results of one or more runs or studies",
        "heschl figures STUDY --output figures",
    )
    command.add_argument("runs", metavar="RUN", nargs="+", type=Path, help=RUNS)
    command.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("figures"),
        help="where they are written (default: figures)",
    )
    command.add_argument(
        "--format",
        nargs="+",
        default=["pdf"],
        metavar="FORMAT",
        help="pdf, svg or png (default: pdf)",
    )


def add_demo(commands: Commands[argparse.ArgumentParser]) -> None:
    """Show everything once."""
    command = add_command(
        commands,
        "demo",
        "score three models on the embedded synthetic dataset and write a report",
        "heschl demo",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("heschl-demo"),
        help="folder of the results and the report (default: heschl-demo)",
    )
