"""What the plan of a study says beside what the study takes, at three sizes, alone and on workers.

Each study is carried out twice, with an empty store: in one process, and on two workers of this
machine (``--cluster local:2``). Beside what was planned stand the seconds of the wall, those of all
processors (which other programs on the machine change least), the largest memory of a job, and the
bytes that were written and, of one process, read. A second table compares kinds of jobs.

Sizes: two models without weights; four, two of them networks, on recorded responses and a task;
twelve, ten of them networks, on two datasets and a task with two seeds.

Run: python benchmarks/scale.py [SIZE [CREW]]

The data are looked for in ../shared/data. SIZE is small, middle or large; CREW is alone or local:2.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heschl.studies import Plan, Running
    from heschl.studies.crew import Crew, Gather
    from heschl.studies.jobs import Attempt, Outcome
    from heschl.studies.reading import StudyFile

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

SMALL = """\
models: [melspectrogram, cochleagram]
datasets: [synthetic]
tasks: [synthetic-tones]
"""
MIDDLE = f"""\
models: [melspectrogram, cochleagram, "dcase2020@random:0", "metricgan@random:0"]
datasets: [{{name: natsound165, from: {DATA}/natsound165}}]
tasks: [{DATA}/hear/tasks/esc10-v1.0.0-full]
"""
LARGE = f"""\
models:
  - melspectrogram
  - cochleagram
  - vggish@random:0
  - vggish@random:1
  - dcase2020@random:0
  - dcase2020@random:1
  - dcase2020@random:2
  - dcase2020@random:3
  - metricgan@random:0
  - metricgan@random:1
  - metricgan@random:2
  - metricgan@random:3
datasets: [synthetic, {{name: natsound165, from: {DATA}/natsound165}}]
tasks: [synthetic-tones]
seeds: [0, 1]
"""
SIZES = {"small": SMALL, "middle": MIDDLE, "large": LARGE}
CREWS = ("alone", "local:2")


def measure(path: Path, folder: Path, crew: str) -> None:
    """In a process of its own: plan and run a study, print as JSON."""
    import sklearn.linear_model  # noqa: F401 (what is loaded is not read later)
    import torch  # noqa: F401

    from heschl.cluster import Local, gather, parse_place
    from heschl.errors import HeschlWarning
    from heschl.studies import Running, plan_study, read_journal, read_study, run_study
    from heschl.studies.forecast import Conditions, Worker, forecast_plan
    from heschl.studies.sizes import core_speed
    from heschl.threads import n_threads

    warnings.simplefilter("ignore", HeschlWarning)
    file = read_study(path)
    plan = plan_study(file, folder)
    place = None if crew == "alone" else parse_place(crew)
    n_workers = place.n_workers if isinstance(place, Local) else 1
    workers = [Worker(max(1, n_threads() // n_workers))] * n_workers
    found = forecast_plan(plan, workers, Conditions(core_speed()))
    jobs: list[dict[str, Any]] = []
    cpu, began, read = processor_seconds(), time.perf_counter(), bytes_read()
    how = Running(show_progress=False)
    run = run_study(file, folder, how=how, crew=watched(jobs) if place is None else gather(place))
    took, read = time.perf_counter() - began, bytes_read() - read
    cpu = processor_seconds() - cpu
    journal = read_journal(folder)
    home = Path(os.environ["HESCHL_HOME"])
    said: dict[str, Any] = {
        "n_jobs": len(journal),
        "done": len(run.runs) == run.n_steps,
        "seconds": [plan.cost.seconds if place is None else found.seconds, took],
        "cpu": [plan.cost.core_seconds if place is None else found.core_seconds, cpu],
        "memory": [plan.cost.memory, float(journal["peak_memory"].max())],
        "written": [plan.cost.disk, size_of(home / "activations") + size_of(folder / "runs")],
        "read": [plan.cost.read if place is None else found.bytes_moved - plan.cost.disk, read],
        "load": os.getloadavg()[0],
        "kinds": by_kind(plan, jobs),
        "jobs": jobs,
    }
    print(json.dumps(said))


def watched(jobs: list[dict[str, Any]]) -> Gather:
    """Return a crew of this process that notes what every job took of the processor."""
    from heschl.studies.crew import alone

    @contextlib.contextmanager
    def watching(file: StudyFile, folder: Path, how: Running) -> Iterator[Crew]:
        with alone(file, folder, how) as crew:
            yield _Watched(crew, jobs)

    return watching


class _Watched:
    def __init__(self, crew: Crew, jobs: list[dict[str, Any]]) -> None:
        self._crew, self._jobs = crew, jobs
        self.free, self.give = crew.free, crew.give

    def next(self, timeout: float | None) -> tuple[Attempt, Outcome] | None:
        cpu = time.process_time()
        found = self._crew.next(timeout)
        if found is not None:
            job = found[0].job
            took = time.process_time() - cpu
            self._jobs.append({"steps": job.steps, "extracts": job.extracts, "cpu": took})
        return found


def by_kind(plan: Plan, jobs: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the planned and the measured seconds of a core of each kind of job."""
    from heschl.studies.costs import NOTHING, Pace
    from heschl.studies.sizes import core_speed

    pace = Pace(1, core_speed())
    kinds: dict[str, list[float]] = {}
    for job in jobs:
        steps = [plan.steps[place] for place in job["steps"]]
        step = steps[0].step
        if job["extracts"]:
            kind = f"extraction, {step.model.partition('@')[0]}"
            parts = [one.extraction + one.loading + one.opening for one in steps]
        else:
            kind, parts = f"{step.metric}, {step.protocol}", [steps[0].analysis]
        both = kinds.setdefault(kind, [0.0, 0.0])
        both[0] += sum(parts, NOTHING).seconds_at(pace)
        both[1] += job["cpu"]
    return kinds


def processor_seconds() -> float:
    """Seconds of all processors, of this process and of those that it started and that ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    found = [resource.getrusage(kind) for kind in kinds]
    return sum(one.ru_utime + one.ru_stime for one in found)


def bytes_read() -> float:
    """Bytes that this process asked the system to read, without what is mapped into memory."""
    status = Path("/proc/self/io").read_text(encoding="ascii")
    return float(status.split("rchar:")[1].split()[0])


def size_of(folder: Path) -> float:
    return float(sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()))


def run(size: str, crew: str) -> dict[str, Any]:
    code = (
        "import sys, scale\nfrom pathlib import Path\n"
        "scale.measure(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])"
    )
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"{size}.yaml"
        head = f"study: {size}\ntitle: Planned and measured\nprobes: [linear]\n"
        path.write_text(head + SIZES[size], encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, path, f"{place}/out", crew],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=Path(__file__).resolve().parent,
            env={**os.environ, "HESCHL_HOME": f"{place}/home"},
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if not found["done"]:
        raise RuntimeError(f"{size}: steps of the study failed; its journal says why")
    return found


def main(sizes: Sequence[str], crews: Sequence[str]) -> None:
    columns = ("wall, s", "cores, s", "memory, GB", "written, MB", "read, MB")
    print(
        f"{'planned and measured':32}" + "".join(f"{one:>16}" for one in columns) + f"{'load':>6}"
    )
    kinds: dict[str, list[float]] = {}
    for size, crew in itertools.product(sizes, crews):
        found = run(size, crew)
        print(f"{size + ', ' + str(found['n_jobs']) + ' jobs, ' + crew:32}", end="")
        for name, unit in (("seconds", 1), ("cpu", 1), ("memory", 1e9), ("written", 1e6)):
            pair(found[name], unit)
        pair(found["read"], 1e6, measured=crew == "alone")
        print(f"{found['load']:6.1f}", flush=True)
        for kind, (planned, took) in found["kinds"].items():
            both = kinds.setdefault(kind, [0.0, 0.0])
            both[0], both[1] = both[0] + planned, both[1] + took
    print(f"{'seconds of a core, by kind':32}{'planned':>16}{'measured':>16}")
    for kind, (planned, took) in kinds.items():
        print(f"{kind:32}{planned:16.1f}{took:16.1f}")


def pair(values: Sequence[float], unit: float, *, measured: bool = True) -> None:
    planned, found = (value / unit for value in values)
    digits = 1 if unit == 1e9 else 0
    second = f"{found:8.{digits}f}" if measured else f"{'':>8}"
    print(f"{planned:8.{digits}f}{second}", end="")


if __name__ == "__main__":
    main(sys.argv[1:2] or tuple(SIZES), sys.argv[2:3] or CREWS)
