"""Studies on a real cluster: a scheduler and workers that are processes of their own, and die."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

import small_cluster
import small_study
from heschl.cluster import Scheduler, gather, remote
from heschl.studies import Running, carrying, load_run, read_journal, read_study, run_study

pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
    pytest.mark.filterwarnings("ignore::heschl.errors.HeschlWarning"),
    pytest.mark.enable_socket,  # event loops wake themselves up by sockets without an address
]
QUIET = Running(show_progress=False, n_jobs=1)
#: Of each worker: enough for two sounds of the model that is hungry, and not for eight.
MEMORY = "1500 MB"

MODELS = (
    small_study.MODELS
    + """

import os


class Kills(Levels):
    def __call__(self, waveforms):
        if len(waveforms) != 2:
            os.kill(os.getpid(), 9)
        return super().__call__(2 * waveforms)


class Greedy(Levels):
    def __call__(self, waveforms):
        np.empty(20_000_000_000, np.uint8)
        return super().__call__(waveforms)


class Hungry(Levels):
    def __call__(self, waveforms):
        np.empty(len(waveforms) * 300_000_000, np.uint8)
        return super().__call__(3 * waveforms)
"""
)
"""Models that make their worker die, or ask for more memory than it has: always, or in batches."""


class Cluster:
    """A scheduler and two workers, each with a HESCHL_HOME of its own."""

    def __init__(self, place: Path) -> None:
        self.place, self.port = place, small_cluster.free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.homes = [place / "home0", place / "home1"]
        self.start_scheduler()
        self.workers = [
            small_cluster.worker(
                self.address, place / f"{home.name}.log", "--memory", MEMORY, HESCHL_HOME=home
            )
            for home in self.homes
        ]

    def start_scheduler(self) -> None:
        self.scheduler = small_cluster.scheduler(self.port, self.place / "scheduler.log")

    def client(self, file: Path, folder: Path) -> small_cluster.Program:
        return small_cluster.client(
            file, folder, self.address, self.place / "client.log", HESCHL_HOME=self.place / "home"
        )

    def close(self) -> None:
        for program in (*self.workers, self.scheduler):
            program.kill()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return small_cluster.done_alone(tmp_path_factory.mktemp("alone"))


def test_the_tables_are_those_of_one_process(cluster, alone, tmp_path):
    """Each worker has a HESCHL_HOME of its own, and the user's process does nothing."""
    path, expected = alone
    with cluster.client(path, tmp_path / "out") as client:
        assert client.finish() == 0, client.said
    assert small_study.tables(tmp_path / "out") == expected
    lines = read_journal(tmp_path / "out")
    assert lines.groupby("job")["computed"].sum().to_dict() == {"analysis": 6, "extraction": 4}
    assert lines["trouble"].isna().all()
    assert client.process.pid not in set(lines["process"])
    assert not (cluster.place / "home" / "activations").exists()


def test_nothing_that_is_done_is_lost_whoever_is_killed(cluster, alone, tmp_path):
    """A worker, the scheduler, and the user's process, each in the middle, without a warning."""
    path, expected = alone
    out = tmp_path / "out"
    folders = [out / "runs", *(home / "activations" for home in cluster.homes)]

    def n_results():
        return len(list((out / "runs").glob("[!.]*/results.json")))

    seen = []
    client = cluster.client(path, out)
    small_cluster.until(lambda: n_results() >= 1, "a first result")
    seen.append(small_cluster.kept(*folders))
    for worker in small_cluster.workers_of(cluster.workers[0]):
        small_cluster.interrupt(worker)
    small_cluster.until(lambda: n_results() >= 2, "a second result")
    seen.append(small_cluster.kept(*folders))
    cluster.scheduler.kill()
    cluster.start_scheduler()
    small_cluster.until(lambda: n_results() >= 3 or client.process.poll() is not None, "a third")
    seen.append(small_cluster.kept(*folders))
    client.kill()
    with cluster.client(path, out) as again:
        assert again.finish() == 0, again.said
    assert small_study.tables(out) == expected
    now = small_cluster.kept(*folders)
    assert all(len(before) > 0 for before in seen)
    changed = {path for before in seen for path in before if now.get(path) != before[path]}
    assert changed == set(), "computed again, or gone"
    assert not list((out / "runs").glob(".*-*")), "half of a result"
    lines = read_journal(out)
    analyses = lines[(lines["job"] == "analysis") & lines["computed"]]
    # one that was killed after its result was on disk, and before its line was, has none
    assert analyses["what"].is_unique
    assert len(analyses) >= 6 - 3


def test_a_job_that_kills_or_asks_for_too_much_takes_no_other_down(cluster, tmp_path, monkeypatch):
    """What dies is tried again and reported; what asks too much is given fewer sounds once."""
    monkeypatch.setattr(carrying, "MOST_DEATHS", 1)
    (tmp_path / "bad_models.py").write_text(MODELS)
    names = ["Kills", "Greedy", "Hungry", "Levels"]
    entries = "".join(f"  - {{name: 'torch:bad_models:{one}', modules: .}}\n" for one in names)
    path = tmp_path / "bad.yaml"
    path.write_text(
        f"study: bad\ntitle: t\nmodels:\n{entries}datasets: [synthetic]\nmetrics: [rsa]\n"
        "bootstrap: 0\nlayer_profiles: false\n"
    )
    out = tmp_path / "out"
    crew = gather(Scheduler(cluster.address))
    run = run_study(read_study(path), out, how=QUIET, crew=crew)
    models = {failure.model.rpartition(":")[2]: failure.error for failure in run.failures}
    assert set(models) == {"Kills", "Greedy"}
    assert "the processes that did it died" in models["Kills"]
    assert "MemoryError" in models["Greedy"]
    scores = pd.read_csv(out / "scores.csv")
    assert set(scores["model"]) == {"torch:bad_models:Hungry", "torch:bad_models:Levels"}
    lines = read_journal(out)
    troubles = {
        name: lines[lines["what"] == f"torch:bad_models:{name} on synthetic"]["trouble"].isna()
        for name in names
    }
    assert troubles["Greedy"].tolist() == [False, False], "tried twice"
    assert troubles["Hungry"].tolist() == [False, True], "done at the second attempt"
    assert troubles["Levels"].tolist() == [True]
    assert load_run(out).n_steps == 4
    assert not list((out / "said").glob(".begun-*"))


def test_a_model_that_was_changed_between_two_runs_is_another(cluster, tmp_path):
    """Workers that live on do not keep what they imported for an earlier run."""
    (tmp_path / "changing_models.py").write_text(small_study.MODELS)
    path = tmp_path / "changing.yaml"
    path.write_text(
        "study: changing\ntitle: t\nmodels:\n"
        "  - {name: 'torch:changing_models:Levels', modules: .}\n"
        "datasets: [synthetic]\nmetrics: [rsa]\nbootstrap: 0\nlayer_profiles: false\n"
    )
    values = []
    for text in (small_study.MODELS, small_study.MODELS.replace("1:33", "33:97")):
        (tmp_path / "changing_models.py").write_text(text)
        for _ in range(2):  # on either worker, maybe
            crew = gather(Scheduler(cluster.address))
            run = run_study(read_study(path), tmp_path / "out", how=QUIET, crew=crew)
            assert run.done
            values.append((run.runs, pd.read_csv(tmp_path / "out" / "scores.csv")["value"].iloc[0]))
    assert values[0] == values[1]
    assert values[2] == values[3]
    assert values[0][0] != values[2][0]
    assert values[0][1] != values[2][1]


def test_workers_with_another_version_refuse(cluster, alone, tmp_path, monkeypatch):
    path, _ = alone
    monkeypatch.setattr(remote, "versions", lambda: {"heschl": "99.0", "numpy": "0.1"})
    crew = gather(Scheduler(cluster.address))
    run = run_study(read_study(path), tmp_path / "out", how=QUIET, crew=crew)
    assert len(run.failures) == 6
    for failure in run.failures:
        assert "expected {'heschl': '99.0', 'numpy': '0.1'} as where the run began" in failure.error
    assert not (tmp_path / "out" / "scores.csv").exists()


def test_workers_end_when_heschl_worker_is_terminated(cluster):
    """As a batch system ends it: SIGTERM; the last test, since the cluster is gone then."""
    program = cluster.workers[1]
    # where this is the first test of a process, the cluster is just being started
    small_cluster.until(lambda: small_cluster.workers_of(program), "a worker")
    workers = small_cluster.workers_of(program)
    program.process.terminate()
    assert program.finish() == 130
    small_cluster.until(lambda: not any(one.is_running() for one in workers), "workers ended")
