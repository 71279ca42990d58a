"""The command that trains: pretrain."""

from __future__ import annotations

import argparse
from pathlib import Path

from heschl.cli.parsing.common import Commands, add_command


def add_pretrain(commands: Commands[argparse.ArgumentParser]) -> None:
    """Train EnCodecMAE."""
    command = add_command(
        commands,
        "pretrain",
        "train EnCodecMAE by a recipe, or go on with it, and see how brain-like it becomes",
        "heschl pretrain recipes/small-offline.yaml --output small",
    )
    command.add_argument("recipe", metavar="RECIPE", type=Path, help="a recipe (YAML)")
    command.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help="folder of the run; one that was cut off goes on (default: HESCHL_HOME/runs/NAME)",
    )
    command.add_argument(
        "--seed", metavar="N", type=int, help="instead of the recipe's, to train it several times"
    )
