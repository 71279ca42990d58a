"""The commands that look things up and bring them: list, info, fetch, convert."""

from __future__ import annotations

import argparse
from pathlib import Path

from heschl.cli.parsing.common import (
    MODEL_FORMS,
    Commands,
    add_command,
)


def add_list(commands: Commands[argparse.ArgumentParser]) -> None:
    """List what there is."""
    command = add_command(
        commands, "list", "list models, datasets, tasks and protocols", "heschl list models"
    )
    command.add_argument(
        "kind",
        nargs="?",
        choices=("models", "datasets", "tasks", "protocols"),
        help="only these (default: all)",
    )
    command.add_argument("--json", action="store_true", help="print JSON")


def add_info(commands: Commands[argparse.ArgumentParser]) -> None:
    """Show what something is."""
    command = add_command(
        commands,
        "info",
        "show what a model, dataset or task is: layers and shapes, targets, source, licence",
        "heschl info beats-iter3",
    )
    command.add_argument(
        "name",
        metavar="NAME",
        help=f"a dataset or task of 'heschl list', or a model: {MODEL_FORMS}",
    )
    command.add_argument("--json", action="store_true", help="print JSON")


def add_fetch(commands: Commands[argparse.ArgumentParser]) -> None:
    """Bring data or weights."""
    command = add_command(
        commands,
        "fetch",
        "bring a dataset, a task or the weights of a model to this machine (download, or a local "
        "copy), and verify them",
        "heschl fetch natsound165 --from ~/natsound165-neuron2015",
    )
    command.add_argument(
        "name", metavar="NAME", help="a dataset, task or model of 'heschl list', or hf:ORG/NAME"
    )
    command.add_argument(
        "--from",
        dest="source",
        metavar="PATH",
        type=Path,
        help="take a local copy of the release instead of downloading",
    )
    command.add_argument("--dry-run", action="store_true", help="only say what would be downloaded")
    command.add_argument(
        "--accept-license",
        action="store_true",
        help="accept the licence of weights that are not free for every use",
    )


def add_convert(commands: Commands[argparse.ArgumentParser]) -> None:
    """Convert a checkpoint."""
    command = add_command(
        commands,
        "convert",
        "convert a torch checkpoint that holds foreign objects to safetensors, without running "
        "anything of it",
        "heschl convert librispeech_pretrained_v3.ckpt",
    )
    command.add_argument("file", metavar="FILE", type=Path, help="a torch checkpoint")
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="the new file (default: beside the old one, ending in .safetensors)",
    )
