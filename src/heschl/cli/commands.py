"""What each command does; one function per command, called with the parsed options."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heschl import probes, store
from heschl import results as results_module
from heschl.brain import DATASETS, BrainDataset, load_dataset
from heschl.cli import tables
from heschl.cli.fetching import run_convert, run_fetch  # noqa: F401 (found by name)
from heschl.cli.following import run_dynamics  # noqa: F401 (found by name)
from heschl.cli.probing import run_probe  # noqa: F401 (found by name)
from heschl.cli.reporting import run_report  # noqa: F401 (found by name)
from heschl.cli.saving import check_places, keep
from heschl.cli.studying import run_figures, run_study  # noqa: F401 (found by name)
from heschl.cli.training import run_pretrain  # noqa: F401 (found by name)
from heschl.cli.working import run_worker  # noqa: F401 (found by name)
from heschl.errors import UsageError, printable
from heschl.models import MODELS
from heschl.registry import unknown_name
from heschl.results import Results
from heschl.tasks import TASKS
from heschl.threads import n_threads

DEMO_ANALYSES = (("regression", "pepino2025"), ("rsa", "pepino2025"))
DEMO_MODELS = ("spectrotemporal", "cochleagram", "melspectrogram")


def run_list(options: argparse.Namespace) -> None:
    """List models, datasets, tasks and protocols."""
    from heschl.study import METRICS

    by_metric: dict[str, Mapping[str, Any]] = {**METRICS, "probe": probes.PROTOCOLS}
    registries: dict[str, Mapping[str, Any]] = {
        "models": MODELS,
        "datasets": DATASETS,
        "tasks": TASKS,
        "protocols": {
            f"{protocol.name} ({metric})": protocol
            for metric, protocols in by_metric.items()
            for protocol in protocols.values()
        },
    }
    wanted = [options.kind] if options.kind else list(registries)
    if options.json:
        content = {
            kind: [{"name": name, "summary": spec.summary} for name, spec in specs.items()]
            for kind, specs in registries.items()
            if kind in wanted
        }
        print(json.dumps(content, indent=1))
        return
    for kind in wanted:
        rows = [(name, spec.summary) for name, spec in registries[kind].items()]
        tables.show(("name", "what it is"), rows, title=kind)


def run_info(options: argparse.Namespace) -> None:
    """Show what a model, dataset or task is."""
    from heschl.cli.info import dataset_info, is_model, is_task, model_info, task_info

    if is_model(options.name):
        facts, columns, rows = model_info(options.name)
    elif is_task(options.name):
        facts, columns, rows = task_info(options.name)
    elif options.name in DATASETS or Path(options.name).is_dir():
        facts, columns, rows = dataset_info(options.name)
    else:
        known = [*MODELS, *DATASETS, *TASKS]
        raise unknown_name("model, dataset or task", options.name, known)
    if options.json:
        table = [dict(zip(columns, row, strict=True)) for row in rows]
        print(json.dumps(facts | {"rows": table}, indent=1))
        return
    for key, value in facts.items():
        print(printable(f"{key:12} {value}"))
    if rows:
        tables.show(columns, rows)


def run_extract(options: argparse.Namespace) -> None:
    """Compute activations."""
    from heschl.activations import extract

    if options.output is not None:
        if options.output.suffix != ".npz":
            raise UsageError(f"{options.output}: expected a file that ends in .npz")
        store.check_writable(options.output.absolute().parent)
    dataset = load_dataset(options.dataset)
    activations = extract(
        options.model,
        dataset.sounds,
        layers=options.layers,
        batch_size=options.batch_size,
        device=options.device,
    )
    rows = [(layer, activations[layer].shape[1]) for layer in activations]
    tables.show(("layer", "features"), rows, title=f"{options.model}, {len(dataset.sounds)} sounds")
    print(f"stored in {store.home() / 'activations' / activations.provenance['activations']}")
    if options.output is not None:
        store.write_npz(options.output, dict(activations))
        print(f"written to {options.output}")


def run_score(options: argparse.Namespace) -> None:
    """Score models on datasets, keep the results, and show them."""
    from heschl.study import analyses

    wanted = analyses(options.metric, options.protocol)
    n_threads(options.jobs)
    datasets = _check_names(options.models, options.dataset, options.layers)
    check_places(options)
    result = _score_all(
        options.models,
        datasets,
        wanted,
        layers=options.layers,
        device=options.device,
        batch_size=options.batch_size,
        n_bootstrap=options.bootstrap,
        n_permutations=options.permutations,
        seed=options.seed,
        layer_profiles=options.layer_profiles,
        use_store=not options.no_store,
        n_jobs=options.jobs,
    )
    keep(result, options)


def _check_names(
    models: Sequence[str], datasets: Sequence[str], layers: Sequence[str] | None = None
) -> list[BrainDataset]:
    """Refuse unknown models and layers, and load the datasets, before anything is computed."""
    from heschl.models import check_reference, outline

    for name in models:
        check_reference(name)
        if layers is not None:
            outline(name).choose(layers)
    return [load_dataset(name) for name in datasets]


def _score_all(
    models: Sequence[str],
    datasets: Sequence[BrainDataset],
    wanted: Sequence[tuple[str, str]] = (("regression", "pepino2025"),),
    *,
    device: str | None = None,
    layer_profiles: bool = False,
    **options: Any,
) -> Results:
    """Score every model on every dataset by every metric and protocol; load each model once."""
    from heschl.models import load_model
    from heschl.study import profiles_are_extra, score

    analyses = list(itertools.product(datasets, wanted))
    found = {}
    for name in dict.fromkeys(models):
        model = load_model(name, device=device)
        for i, (data, (metric, protocol)) in enumerate(analyses):
            profiles = layer_profiles and profiles_are_extra(metric, protocol)
            found[i, name] = score(
                model, data, metric=metric, protocol=protocol, layer_profiles=profiles, **options
            )
    return results_module.merge([found[i, name] for i in range(len(analyses)) for name in models])


def run_compare(options: argparse.Namespace) -> None:
    """Compare the models of one or more runs, two at a time."""
    from heschl.results.table import json_rows
    from heschl.study import compare

    result = results_module.merge([Results.load(run) for run in options.runs])
    table = compare(result, n_bootstrap=options.bootstrap, seed=options.seed)
    columns = [
        "dataset",
        "metric",
        "target",
        "first",
        "second",
        "difference",
        "unit",
        "low",
        "high",
    ]
    columns += ["p", "q"]
    tables.show(columns, list(table[columns].itertuples(index=False, name=None)))
    if options.json is not None:
        store.write_json(Path(options.json), json_rows(table))
        print(f"rows: {options.json}")


def run_demo(options: argparse.Namespace) -> None:
    """Score three models on the embedded dataset and write the report."""
    from heschl.report import write_report
    from heschl.studies import command_lines

    store.check_writable(options.output)
    result = _score_all(DEMO_MODELS, _check_names(DEMO_MODELS, ["synthetic"]), DEMO_ANALYSES)
    result.save(options.output)
    tables.show_scores(result)
    sounds = {"synthetic": load_dataset("synthetic").sounds}
    path = options.output / "report.html"
    command = "\n".join(command_lines(result))
    print(write_report(result, path, sounds=sounds, command=command).absolute())
