"""What each command does; one function per command, called with the parsed options."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heschl import results as results_module
from heschl import store
from heschl.brain import DATASETS, BrainDataset, load_dataset
from heschl.cli import tables
from heschl.cli.fetching import run_convert, run_fetch  # noqa: F401 (found by name)
from heschl.errors import FetchError, UsageError
from heschl.models import MODELS
from heschl.registry import unknown_name
from heschl.results import Results
from heschl.sounds import Sounds
from heschl.threads import n_threads

DEMO_ANALYSES = (("regression", "pepino2025"), ("rsa", "pepino2025"))
DEMO_MODELS = ("spectrotemporal", "cochleagram", "melspectrogram")


def run_list(options: argparse.Namespace) -> None:
    """List models, datasets and protocols."""
    from heschl.study import METRICS

    registries: dict[str, Mapping[str, Any]] = {
        "models": MODELS,
        "datasets": DATASETS,
        "protocols": {
            f"{protocol.name} ({metric})": protocol
            for metric, protocols in METRICS.items()
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
    """Show what a model or dataset is."""
    from heschl.cli.info import dataset_info, is_model, model_info

    if is_model(options.name):
        facts, columns, rows = model_info(options.name)
    elif options.name in DATASETS or Path(options.name).is_dir():
        facts, columns, rows = dataset_info(options.name)
    else:
        raise unknown_name("model or dataset", options.name, [*MODELS, *DATASETS])
    if options.json:
        table = [dict(zip(columns, row, strict=True)) for row in rows]
        print(json.dumps(facts | {"rows": table}, indent=1))
        return
    for key, value in facts.items():
        print(f"{key:12} {value}")
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
    from heschl.study import analyses, run_name

    wanted = analyses(options.metric, options.protocol)
    n_threads(options.jobs)
    datasets = _check_names(options.models, options.dataset, options.layers)
    runs = store.home() / "runs"
    store.check_writable(options.output or runs)
    if options.json is not None and options.json != "-":
        store.check_writable(Path(options.json).absolute().parent)
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
    folder = options.output or runs / run_name(result)
    result.save(folder)
    if options.json == "-":
        print(json.dumps(result.rows(), indent=1))
        return
    tables.show_scores(result)
    if options.json is not None:
        store.write_json(Path(options.json), result.rows())
        print(f"rows: {options.json}")
    print(f"results: {folder}")
    print(f"look at them: heschl report {folder}")


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


def run_report(options: argparse.Namespace) -> None:
    """Write the page of one or more runs."""
    from heschl.report import write_report

    result = results_module.merge([Results.load(run) for run in options.runs])
    path = options.output or options.runs[0] / "report.html"
    sounds = _sounds_of(result, options.dataset)
    print(write_report(result, path, sounds=sounds, command=_command(result)))


def run_demo(options: argparse.Namespace) -> None:
    """Score three models on the embedded dataset and write the report."""
    from heschl.report import write_report

    store.check_writable(options.output)
    result = _score_all(DEMO_MODELS, _check_names(DEMO_MODELS, ["synthetic"]), DEMO_ANALYSES)
    result.save(options.output)
    tables.show_scores(result)
    sounds = {"synthetic": load_dataset("synthetic").sounds}
    path = options.output / "report.html"
    print(write_report(result, path, sounds=sounds, command=_command(result)).absolute())


def _sounds_of(result: Results, paths: Sequence[str]) -> dict[str, Sounds]:
    """Return the sounds of each dataset of the results, as far as they are to be had."""
    own = {dataset.name: dataset.sounds for dataset in map(load_dataset, paths)}
    found: dict[str, Sounds] = {}
    for name in dict.fromkeys(result.scores["dataset"]):
        if name in own:
            found[name] = own[name]
        elif name in DATASETS:
            try:
                found[name] = DATASETS[name].load().sounds
            except FetchError as error:
                print(f"heschl: warning: no players for {name}: {error}", file=sys.stderr)
        else:
            print(
                f"heschl: warning: no players for {name}: give its folder with --dataset",
                file=sys.stderr,
            )
    return found


def _command(result: Results) -> str:
    """Return the command line that computes these results again."""

    def names(column: str) -> str:
        return " ".join(dict.fromkeys(result.scores[column]))

    metric = names("metric")
    return (
        f"heschl score {names('model')} --dataset {names('dataset')}"
        + (f" --metric {metric}" if metric != "regression" else "")
        + f" --protocol {names('protocol')}"
    )
