"""The commands for many models: ``study plan``, ``study run``, ``study add``, and ``figures``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from heschl import store
from heschl.cli import tables
from heschl.errors import HeschlError, UsageError
from heschl.threads import n_threads

if TYPE_CHECKING:
    from heschl.studies import Plan
    from heschl.studies.crew import Gather
    from heschl.studies.planning import PlannedStep


class StudyIncompleteError(HeschlError):
    """Steps of a study failed; all others are done."""


def run_study(options: argparse.Namespace) -> None:
    """Plan a study, run it, or add results of others to it."""
    {"plan": _plan, "run": _run, "add": _add}[options.action](options)


def _plan(options: argparse.Namespace) -> None:
    from heschl.studies import plan_study, read_study

    file = read_study(options.file)
    plan = plan_study(file, _folder(options, file.description.study))
    rows: dict[tuple[str, str, str], list[PlannedStep]] = {}
    for one in plan.steps:
        rows.setdefault((one.step.model, Path(one.step.data).name, one.state), []).append(one)
    shown = [
        (model, data, _analyses(steps), state, _time(sum(one.cost.seconds for one in steps)))
        for (model, data, state), steps in rows.items()
    ]
    columns = ("model", "data", "analyses", "state", "about")
    tables.show(columns, shown, title=file.description.title)
    for line in _words(plan):
        print(line)


def _analyses(steps: Sequence[PlannedStep]) -> str:
    names = [f"{one.step.metric} {one.step.protocol}" for one in steps]
    return ", ".join(dict.fromkeys(names))


def _words(plan: Plan) -> Iterator[str]:
    """Say what the plan amounts to."""
    todo, there, cannot = (plan.of(state) for state in ("to do", "there", "cannot be done"))
    yield f"{len(plan.steps)} steps: {len(there)} there, {len(todo)} to do"
    for why in dict.fromkeys(one.why for one in cannot):
        models = dict.fromkeys(one.step.model for one in cannot if one.why == why)
        yield f"cannot be done, {', '.join(models)}: {why}"
    weights = [one for one in plan.downloads if one.weights]
    if weights:
        size = _bytes(sum(one.n_bytes for one in weights))
        yield f"to bring: weights of {len(weights)} models, about {size}"
    for one in plan.downloads:
        if not one.weights:
            yield f"to bring: {one.name}, about {_bytes(one.n_bytes)}"
    if todo:
        cost = plan.cost
        yield (
            f"about {_time(cost.seconds)} on this machine, {_bytes(cost.memory)} of memory, "
            f"{_bytes(cost.disk)} on disk"
        )


def _time(seconds: float) -> str:
    if not seconds:
        return "-"
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _bytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.0f} MB"


def _run(options: argparse.Namespace) -> None:
    from heschl.studies import Running, read_study, run_study

    file = read_study(options.file)
    folder = _folder(options, file.description.study)
    n_threads(options.jobs)
    how = Running(options.device, options.batch_size, options.jobs)
    crew = _crew(options.cluster)
    run = run_study(file, folder, models=options.model, how=how, crew=crew)
    print(f"{len(run.runs)} of {run.n_steps} steps are done")
    if run.runs:
        print(f"tables: {folder / 'tables'}")
        print(f"look at them: heschl report {folder} --output SITE")
    if run.failures:
        for failure in run.failures:
            what = f"{failure.model} on {failure.data} ({failure.metric}, {failure.protocol})"
            print(f"failed: {what}: {failure.error}")
        raise StudyIncompleteError(
            f"{len(run.failures)} of {run.n_steps} steps failed; the others are done. Once the "
            "reason is gone, the same command does only what is missing"
        )


def _crew(cluster: str | None) -> Gather:
    """Return who does the work."""
    from heschl.studies.crew import alone

    if cluster is None:
        return alone
    from heschl.cluster import gather, parse_place

    return gather(parse_place(cluster))


def _add(options: argparse.Namespace) -> None:
    from heschl.studies import add_results

    for source in options.sources:
        add_results(options.folder, source)
        print(f"added: {source}")


def run_figures(options: argparse.Namespace) -> None:
    """Write figures and the table for a paper."""
    from heschl.report import write_paper_figures
    from heschl.studies import gather

    store.check_writable(options.output)
    found = gather(options.runs)
    formats = tuple(options.format)
    for path in write_paper_figures(found.results, found.linked, options.output, formats=formats):
        print(path)


def _folder(options: argparse.Namespace, name: str) -> Path:
    folder: Path = options.output or store.home() / "studies" / name
    if folder.is_file():
        raise UsageError(f"{folder} is a file; expected a folder for the results of the study")
    return folder
