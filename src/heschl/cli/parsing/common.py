"""What several commands have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

#: What may be written for a model; see heschl.models.references.
MODEL_FORMS = (
    "NAME of 'heschl list', NAME@random:SEED, NAME@permuted:SEED, NAME@file:PATH, hf:ORG/NAME or a "
    "folder, hear:MODULE[:WEIGHTS], torch:MODULE:FUNCTION"
)
#: What 'report' and 'figures' take.
RUNS = "folders that 'heschl score', 'heschl probe' or 'heschl study run' wrote"

Commands = argparse._SubParsersAction  # argparse has no public name for it


def add_command(
    commands: Commands[argparse.ArgumentParser], name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    """Add a command with its summary and an example; return its parser."""
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("-q", "--quiet", action="store_true", help="no progress bars")
    return command


def add_dataset(command: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add the dataset, or several."""
    command.add_argument(
        "--dataset",
        metavar="DATASET",
        required=True,
        nargs="+" if several else None,
        help="a dataset of 'heschl list', or the path of a folder of your own",
    )


def add_layers(command: argparse.ArgumentParser) -> None:
    """Add the choice of layers."""
    command.add_argument(
        "--layers", metavar="LAYER", nargs="+", help="only these layers (default: all)"
    )


def add_running(command: argparse.ArgumentParser) -> None:
    """Add where and how models run."""
    command.add_argument(
        "--device", metavar="DEVICE", help="where models run: cpu, cuda, cuda:1, mps (default: cpu)"
    )
    command.add_argument(
        "--batch-size",
        metavar="N",
        type=int,
        help="sounds that go through a model together, at most (default: what fits into memory, 8 "
        "on a CPU, 64 on a GPU)",
    )


def add_keeping(command: argparse.ArgumentParser) -> None:
    """Add where results go."""
    command.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help="folder of the results (default: a new one under HESCHL_HOME/runs)",
    )
    command.add_argument(
        "--json", metavar="FILE", help="also write the table's rows as JSON; - is standard output"
    )
    command.add_argument(
        "--no-store",
        action="store_true",
        help="neither read nor keep activations under HESCHL_HOME",
    )
    command.add_argument("--jobs", metavar="N", type=int, help="threads (default: all cores)")


def add_bootstrap(command: argparse.ArgumentParser, what: str) -> None:
    """Add the number of resamples."""
    command.add_argument("--bootstrap", metavar="N", type=int, default=1000, help=what)


def add_uncertainty(command: argparse.ArgumentParser) -> None:
    """Add what intervals and p are computed from."""
    add_bootstrap(
        command, "resamples of sounds and listeners for the intervals; 0: none (default: 1000)"
    )
    command.add_argument(
        "--permutations",
        metavar="N",
        type=int,
        default=0,
        help="permutations of the sounds for p and q; with voxel-wise regression each takes as "
        "long as the score (default: 0, none)",
    )
    command.add_argument("--seed", metavar="N", type=int, default=0, help="of both (default: 0)")
    command.add_argument(
        "--layer-profiles",
        action="store_true",
        help="also score every layer by itself (rsa and tuckute2023 always do)",
    )
