"""The command that scores models on hearing tasks: ``probe``."""

from __future__ import annotations

import argparse

from heschl import probes
from heschl import results as results_module
from heschl.cli.saving import check_places, keep
from heschl.tasks import TASKS, load_task
from heschl.threads import n_threads


def run_probe(options: argparse.Namespace) -> None:
    """Score models on hearing tasks, keep the results, and show them."""
    from heschl.models import check_reference, load_model, outline
    from heschl.study import probe

    protocols = [probes.PROTOCOLS[name].name for name in dict.fromkeys(options.protocol)]
    n_threads(options.jobs)
    for name in options.models:
        check_reference(name)
        if options.layers is not None:
            outline(name).choose(options.layers)
    check_places(options)
    for name in options.task:  # before one of the table is downloaded
        if name not in TASKS:
            load_task(name)
    tasks = [load_task(name) for name in dict.fromkeys(options.task)]
    found = {}
    for name in dict.fromkeys(options.models):
        model = load_model(name, device=options.device)
        for task in tasks:
            for protocol in protocols:
                found[task.name, protocol, name] = probe(
                    model,
                    task,
                    protocol=protocol,
                    layers=options.layers,
                    device=options.device,
                    batch_size=options.batch_size,
                    skip_bad=options.skip_bad,
                    n_bootstrap=options.bootstrap,
                    seed=options.seed,
                    use_store=not options.no_store,
                    n_jobs=options.jobs,
                )
    ordered = [
        found[task.name, protocol, name]
        for task in tasks
        for protocol in protocols
        for name in dict.fromkeys(options.models)
    ]
    keep(results_module.merge(ordered), options)
