"""The command that follows a training: dynamics."""

from __future__ import annotations

import argparse
from pathlib import Path

from heschl.cli.parsing.common import (
    Commands,
    add_bootstrap,
    add_command,
    add_dataset,
    add_layers,
    add_running,
)


def add_dynamics(commands: Commands[argparse.ArgumentParser]) -> None:
    """Measure the checkpoints of a training."""
    command = add_command(
        commands,
        "dynamics",
        "see how brain-like a model was at each checkpoint of its training",
        "heschl dynamics encodecmae-base-trajectory --dataset natsound165 --every 5000 -o base",
    )
    command.add_argument(
        "checkpoints",
        metavar="CHECKPOINTS",
        nargs="+",
        help="a folder whose files or folders have steps in their names (step-1000, "
        "checkpoint-1000, epoch=3-step=1000.ckpt), hf:ORG/NAME[/FOLDER], "
        "encodecmae-base-trajectory, or several checkpoints",
    )
    add_dataset(command, several=True)
    command.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="folder of the trajectory"
    )
    command.add_argument(
        "--as",
        dest="as_model",
        metavar="NAME",
        help="the model of 'heschl list' whose architecture the checkpoints have (default: what "
        "they say of themselves)",
    )
    command.add_argument("--name", metavar="NAME", help="of the run (default: that of the folder)")
    command.add_argument(
        "--every", metavar="N", type=int, default=1, help="only steps that are multiples of it"
    )
    command.add_argument(
        "--metric",
        metavar="METRIC",
        nargs="+",
        help="what to measure: rsa, regression (default: rsa, and regression of components)",
    )
    command.add_argument(
        "--baseline",
        metavar="MODEL",
        nargs="+",
        help="other models to compare with, such as melspectrogram",
    )
    command.add_argument(
        "--discard",
        action="store_true",
        help="remove each checkpoint of the hub once it is measured: one at a time on the disk",
    )
    add_bootstrap(
        command, "resamples of sounds and listeners for the intervals; 0: none (default: 1000)"
    )
    command.add_argument("--seed", metavar="N", type=int, default=0, help="of the resamples")
    command.add_argument("--jobs", metavar="N", type=int, help="threads (default: all cores)")
    add_layers(command)
    add_running(command)
