"""The commands that bring data and weights to this machine: ``fetch`` and ``convert``."""

from __future__ import annotations

import argparse

from heschl.brain import DATASETS, DatasetSpec
from heschl.models import MODELS
from heschl.registry import unknown_name
from heschl.tasks import TASKS, TaskSpec


def run_fetch(options: argparse.Namespace) -> None:
    """Bring a dataset, a task or the weights of a model to this machine."""
    if options.name in DATASETS or options.name in TASKS:
        _fetch_dataset(options)
    elif options.name in MODELS:
        _fetch_weights(options)
    elif options.name.startswith("hf:"):
        _fetch_repository(options)
    else:
        known = [*DATASETS, *TASKS, *MODELS]
        raise unknown_name("dataset, task or model", options.name, known)


def _fetch_dataset(options: argparse.Namespace) -> None:
    spec: DatasetSpec | TaskSpec = (DATASETS if options.name in DATASETS else TASKS)[options.name]
    if spec.fetch is None or spec.plan is None:
        print(f"{spec.name} is embedded in heschl: nothing to fetch")
    elif options.dry_run:
        print(spec.plan().summary())
    else:
        print(f"{spec.name} is in {spec.fetch(options.source)}")


def _fetch_weights(options: argparse.Namespace) -> None:
    from heschl.models import weights

    spec = MODELS[options.name]
    if spec.weights is None:
        print(f"{spec.name} has no weights: nothing to fetch")
        return
    if options.dry_run:
        print(f"licence: {spec.weights.licence}")
        planned = weights.fetch_plan(spec)
        print(planned.summary())
        if planned.todo and options.source is None:
            weights.check_address(spec)
        return
    folder = weights.fetch(spec, options.source, accept_license=options.accept_license)
    print(f"{spec.name} is in {folder}")


def _fetch_repository(options: argparse.Namespace) -> None:
    from heschl.models import huggingface

    repository = options.name.removeprefix("hf:")
    if options.dry_run:
        print(huggingface.describe_hub(repository))
    else:
        print(f"{options.name} is in {huggingface.fetch_hub(repository, options.source)}")


def run_convert(options: argparse.Namespace) -> None:
    """Convert a checkpoint to safetensors, without running anything of it."""
    from heschl.models.weights import convert

    print(convert(options.file, options.output))
