"""The command ``study plan``: what would run, what it takes, and how long on a cluster."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from heschl.cli import tables
from heschl.errors import UsageError, printable

if TYPE_CHECKING:
    from heschl.studies import Plan
    from heschl.studies.forecast import Conditions, Forecast, Worker
    from heschl.studies.planning import PlannedStep
    from heschl.studies.reading import StudyFile


def plan(options: argparse.Namespace, file: StudyFile, folder: Path) -> None:
    """Print the plan of a study."""
    from heschl.studies import plan_study

    workers = None if options.cluster is None else _workers(options.cluster)
    found = plan_study(file, folder)
    rows: dict[tuple[str, str, str], list[PlannedStep]] = {}
    for one in found.steps:
        rows.setdefault((one.step.model, Path(one.step.data).name, one.state), []).append(one)
    shown = [
        (model, data, _analyses(steps), state, _time(sum(one.cost.seconds for one in steps)))
        for (model, data, state), steps in rows.items()
    ]
    columns = ("model", "data", "analyses", "state", "about")
    tables.show(columns, shown, title=file.description.title)
    for line in _words(found):
        print(printable(line))
    if workers is not None and found.of("to do"):
        from heschl.studies.forecast import forecast_plan

        on_gpus = (options.device or "").startswith("cuda")
        said = _conditions(options)
        told = forecast_plan(found, workers, said, on_gpus=on_gpus)
        for line in _told(told, workers, said, on_gpus=on_gpus):
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
            f"{_bytes(cost.disk)} on disk, {_bytes(cost.read)} to read"
        )


# --- on a cluster


def _workers(cluster: str) -> list[Worker]:
    """Return the workers that a cluster would have."""
    from heschl.cluster import Local, Scheduler, parse_place
    from heschl.cluster.starting import supply_of
    from heschl.studies.forecast import Worker

    place = parse_place(cluster)
    if isinstance(place, Scheduler):
        raise UsageError(
            f"{cluster}: nothing is known of its workers without asking it, and a plan changes and "
            "asks nothing; expected local:N, or a cluster file with as many workers as it has"
        )
    supply = supply_of(place)
    n_workers = place.n_workers if isinstance(place, Local) else place.description.workers
    return [Worker(supply.cores, supply.memory, supply.gpus > 0)] * n_workers


def _conditions(options: argparse.Namespace) -> Conditions:
    from heschl.cluster.sizes import n_bytes
    from heschl.studies.forecast import Conditions
    from heschl.studies.forecast.terms import BANDWIDTH, GPU_SPEED
    from heschl.studies.sizes import core_speed

    try:
        bandwidth = BANDWIDTH if options.bandwidth is None else float(n_bytes(options.bandwidth))
    except ValueError as error:
        raise UsageError(f"bandwidth is {error}") from error
    gpu_speed = GPU_SPEED if options.gpu_speed is None else options.gpu_speed
    if not 0 < gpu_speed < float("inf"):
        raise UsageError(f"gpu-speed is {gpu_speed}; expected operations a second, as 5e12")
    return Conditions(core_speed(), gpu_speed, bandwidth)


def _told(
    found: Forecast, workers: Sequence[Worker], said: Conditions, *, on_gpus: bool
) -> Iterator[str]:
    """Say how the study goes on a cluster."""
    gpus = sum(worker.gpu for worker in workers)
    n_cores = sum(worker.cores for worker in workers)
    yield f"on {len(workers)} workers with {n_cores} cores{f' and {gpus} GPUs' if gpus else ''}:"
    yield (
        f"  about {_time(found.seconds)} once they are there; workers are busy {found.busy:.0%} of "
        f"it, their cores {found.cores:.0%}{f', their GPUs {found.gpus:.0%}' if gpus else ''}"
    )
    yield (
        f"  {_bytes(found.bytes_moved)} between them and the file system, at "
        f"{_bytes(said.bandwidth)} a second for all"
    )
    yield f"  what holds it up most: {found.bottleneck} ({_bounds(found)})"
    if found.too_large:
        yield (
            f"  {found.too_large} jobs want more memory than a worker has, up to "
            f"{_bytes(found.memory)}: they are tried all the same"
        )
    if gpus and not on_gpus:
        yield "  the GPUs are not used: say --device cuda, here as in study run"


def _bounds(found: Forecast) -> str:
    """Say how long it takes at least, by what bounds it."""
    return ", ".join(f"{name} {_time(value)}" for name, value in found.bounds.items())


def _time(seconds: float) -> str:
    if not seconds:
        return "-"
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _bytes(n_bytes: float) -> str:
    if n_bytes >= 1e12:
        return f"{n_bytes / 1e12:.1f} TB"
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.0f} MB"
