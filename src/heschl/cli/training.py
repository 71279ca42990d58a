"""The command ``pretrain``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from heschl import store
from heschl.errors import UsageError

if TYPE_CHECKING:
    from heschl.pretrain import RecipeFile


def run_pretrain(options: argparse.Namespace) -> None:
    """Train by a recipe, then write the page of its trajectory."""
    from heschl.pretrain import pretrain, read_recipe

    file = _seeded(read_recipe(options.recipe), options.seed)
    name = file.description.name
    folder: Path = options.output or store.home() / "runs" / name
    if folder.is_file():
        raise UsageError(f"{folder} is a file; expected a folder for the run")
    done = pretrain(file, folder)
    if done.rank:  # another process of the same training
        return
    print(f"{name}: {done.step:,} steps, checkpoint: {done.checkpoint}")
    print(f"score it: heschl score {done.checkpoint} --dataset natsound165")
    if file.description.alignment.datasets:
        from heschl.report import write_dynamics_report

        print(write_dynamics_report(folder))


def _seeded(file: RecipeFile, seed: int | None) -> RecipeFile:
    if seed is None:
        return file
    if seed < 0:
        raise UsageError(f"--seed is {seed}; expected a whole number from 0 on")
    training = file.description.training.model_copy(update={"seed": seed})
    return replace(file, description=file.description.model_copy(update={"training": training}))
