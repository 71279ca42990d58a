"""What may be written after ``--cluster``, in cluster files, and after ``heschl worker``."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import small_study
from heschl import cli, store
from heschl.cluster import (
    Local,
    Queue,
    Scheduler,
    Supply,
    job_script,
    parse_place,
    read_queue,
    serving,
)
from heschl.cluster.sizes import n_bytes
from heschl.cluster.supplies import cores, demand, memory
from heschl.errors import ClusterError, InputError, UsageError
from heschl.studies import Running, read_study
from heschl.studies.steps import steps_of
from small_cluster import free_port, surroundings

EXAMPLE = Path(__file__).resolve().parents[1] / "studies" / "slurm.yaml"
QUIET = Running(show_progress=False, n_jobs=1)


def step(place, model="melspectrogram", *, probes=False):
    """Return a step of a small study with one model."""
    path = small_study.write(place)
    path.write_text(path.read_text().replace("[melspectrogram, cochleagram]", f"[{model}]"))
    steps = steps_of(read_study(path))
    return next(one for one in steps if one.probes == probes)


# places


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("local:1", Local(1)),
        ("local:1000", Local(1000)),
        ("tcp://10.0.0.1:8786", Scheduler("tcp://10.0.0.1:8786")),
        ("tls://head.cluster:8786", Scheduler("tls://head.cluster:8786")),
        ("tcp://[fe80::1]:8786", Scheduler("tcp://[fe80::1]:8786")),
    ],
)
def test_places(text, place):
    assert parse_place(text) == place


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("local:0", "local:0: expected between 1 and 1000 processes"),
        ("local:1001", "local:1001: expected between 1 and 1000 processes"),
        ("local:x", "cluster is 'local:x'; expected local:N"),
        ("local:", "cluster is 'local:'"),
        ("local:-1", "cluster is 'local:-1'"),
        ("local:\u0663", "cluster is"),
        ("tcp://10.0.0.1", "cluster is 'tcp://10.0.0.1'; expected local:N .* tcp://HOST:PORT"),
        ("tcp://:8786", "cluster is"),
        ("tcp://host:99999", "port 99999; expected one up to 65535"),
        ("http://host:8786", "cluster is"),
        ("host:8786", "cluster is"),
        ("", "cluster is ''"),
        ("slurm", "cluster is 'slurm'"),
    ],
)
def test_what_is_no_place(text, complaint):
    with pytest.raises(UsageError, match=complaint):
        parse_place(text)


def test_a_cluster_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"no-such\.yaml"):
        parse_place(str(tmp_path / "no-such.yaml"))


# cluster files


def test_the_example_can_be_used():
    said = parse_place(str(EXAMPLE))
    assert isinstance(said, Queue)
    assert said.description.system == "slurm"
    script = job_script(said.description)
    assert "#SBATCH" in script


@pytest.mark.parametrize(
    ("line", "instead", "complaint"),
    [
        (1, "system: cron", "line 1: system is 'cron'; .*'slurm', 'pbs', 'sge' or 'lsf'"),
        (2, "workers: 0", "line 2: workers is 0; "),
        (3, "cores: many", "line 3: cores is 'many'; "),
        (4, "memory: lots", "line 4: memory: 'lots': no size; expected a number and a unit"),
        (4, "memory: 32", "line 4: memory is 32; "),
        (5, "gpus: 2", "line 5: gpus is 2; "),
        (6, "wall_time: '1:00'", "line 6: unknown key 'wall_time'. Did you mean: walltime"),
        (6, "setup: [3]", "line 6: setup"),
        (6, 'queue: "one\\ntwo"', "line 6: queue is "),
    ],
)
def test_mistakes_in_a_cluster_file_are_told_with_their_lines(tmp_path, line, instead, complaint):
    lines = ["system: slurm", "workers: 2", "cores: 4", "memory: 8 GB", "gpus: 1", "queue: long"]
    lines[line - 1] = instead
    path = tmp_path / "slurm.yaml"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError) as error:
        read_queue(path)
    assert re.search(complaint, str(error.value), re.DOTALL), str(error.value)


def test_all_mistakes_are_told_at_once(tmp_path):
    path = tmp_path / "slurm.yaml"
    path.write_text("system: slurm\nworkers: -1\ncores: 0\nmemory: lots\n")
    with pytest.raises(InputError, match="3 mistakes"):
        read_queue(path)


DESCRIBED = """\
system: {system}
workers: 3
cores: 6
memory: 24 GB
{gpus}walltime: '02:00:00'
queue: long
account: hearing
directives: ['--constraint=fast']
setup: [module load cuda, ulimit -c 0]
python: /opt/own python/bin/python
interface: lo
logs: /scratch/logs
"""


@pytest.mark.parametrize(
    ("system", "head"),
    [
        (
            "slurm",
            "-J heschl|-e /scratch/logs/heschl-%J.err|-p long|-A hearing|-n 1|--cpus-per-task=6|"
            "--mem=23G|-t 02:00:00|--gres=gpu:1",
        ),
        ("pbs", "-N heschl|-q long|-A hearing|-l select=1:ncpus=6:mem=23GB"),
        ("sge", "-N heschl|-q long|-P hearing|-l h_rt=02:00:00"),
        ("lsf", '-J heschl|-q long|-P "hearing"|-n 6|-W 02:00:00'),
    ],
)
def test_job_scripts_say_what_the_file_says(tmp_path, monkeypatch, system, head):
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("HESCHL_HOME", str(tmp_path / "own home"))
    gpus = "gpus: 1\n" if system == "slurm" else ""
    path = tmp_path / "queue.yaml"
    path.write_text(DESCRIBED.format(system=system, gpus=gpus))
    script = job_script(read_queue(path))
    mark = {"slurm": "#SBATCH", "pbs": "#PBS", "sge": "#$", "lsf": "#BSUB"}[system]
    directives = [line.removeprefix(mark).strip() for line in script.splitlines() if mark in line]
    assert {*head.split("|"), "--constraint=fast"} <= set(directives), directives
    lines = script.splitlines()
    *before, last = lines
    assert shlex.split(last)[:3] == [
        "/opt/own python/bin/python",
        "-m",
        "distributed.cli.dask_worker",
    ]
    options = shlex.split(last)
    threads = [value for name, value in itertools.pairwise(options) if name == "--nthreads"]
    assert threads[-1] == "1", "of two, Dask takes the last: one job at a time"
    assert options[options.index("--interface") + 1] == "lo"
    gpu = " GPU=1" if system == "slurm" else ""
    assert options[options.index("--resources") + 1] == f"CORES=6 MEMORY=24000000000{gpu}"
    # what is set before comes before what the file runs, and both before the worker
    assert before.index("module load cuda") < before.index("ulimit -c 0")
    for line in (
        f"export HESCHL_HOME='{tmp_path}/own home'",
        "export OMP_NUM_THREADS=6",
        "export OPENBLAS_NUM_THREADS=6",
        "export MKL_NUM_THREADS=6",
        "export DASK_DISTRIBUTED__WORKER__MEMORY__SPILL=False",
        "export DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE=False",
    ):
        assert before.index(line) < before.index("module load cuda")


# sizes and supplies


@pytest.mark.parametrize(
    ("text", "size"),
    [("32 GB", 32 * 10**9), ("1.5GiB", 3 * 2**29), ("200 mb", 2 * 10**8), ("7 B", 7)],
)
def test_sizes(text, size):
    assert n_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["lots", "32", "GB", "-1 GB", "0 GB", "1e9 B", "1 GB 2", "\u0663 GB"]
)
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match=r"no size; expected a number and a unit, as '32 GB'"):
        n_bytes(text)


def test_supplies_as_dask_takes_them():
    assert Supply(4, 8 * 10**9, 1).argument() == "CORES=4 MEMORY=8000000000 GPU=1"
    assert Supply(2).resources() == {"CORES": 2}


def test_a_job_asks_for_no_more_than_there_is(tmp_path):
    declared = [{"CORES": 2, "MEMORY": 1000.0}, {"CORES": 8, "MEMORY": 3000.0}]
    asked = demand(step(tmp_path), declared, extracts=True, device=None, n_jobs=None)
    assert asked == {"CORES": 2, "MEMORY": 3000.0}
    assert cores(declared) == 2
    asked = demand(step(tmp_path), declared, extracts=True, device=None, n_jobs=16)
    assert asked["CORES"] == 8


def test_a_job_asks_for_the_memory_that_the_plan_expects(tmp_path):
    one = step(tmp_path)
    declared = [{"CORES": 1, "MEMORY": 1e15}]
    for extracts in (True, False):
        asked = demand(one, declared, extracts=extracts, device=None, n_jobs=1)
        assert asked["MEMORY"] == memory(one, extracts=extracts)
        assert 1e6 < asked["MEMORY"] < 1e10


def test_what_no_worker_declares_is_not_asked_for(tmp_path):
    assert demand(step(tmp_path), [{}, {}], extracts=True, device=None, n_jobs=None) == {}
    assert cores([{}]) == 1


def test_a_gpu_is_asked_for_by_what_runs_on_it(tmp_path):
    declared = [{"CORES": 1}, {"CORES": 1, "GPU": 1}]
    brain, task = step(tmp_path), step(tmp_path, probes=True)
    for one, extracts, needs in ((brain, True, 1), (brain, False, 0), (task, False, 1)):
        asked = demand(one, declared, extracts=extracts, device="cuda", n_jobs=1)
        assert asked.get("GPU", 0) == needs
    assert "GPU" not in demand(brain, declared, extracts=True, device="cpu", n_jobs=1)


def test_without_a_gpu_cuda_is_refused(tmp_path):
    with pytest.raises(ClusterError, match=r"device is cuda, but none of 2 workers has a GPU"):
        demand(step(tmp_path), [{"CORES": 1}] * 2, extracts=True, device="cuda", n_jobs=1)


# heschl worker


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["local:2"], "scheduler is 'local:2'; expected tcp://HOST:PORT"),
        (["tcp://127.0.0.1"], "cluster is 'tcp://127.0.0.1'"),
        (["tcp://127.0.0.1:1", "--memory", "lots"], "--memory is 'lots': no size"),
        (["tcp://127.0.0.1:1", "--processes", "0"], "--processes is 0; expected at least 1"),
        (["tcp://127.0.0.1:1", "--cores", "-2"], "--cores is -2; expected at least 1"),
    ],
)
def test_wrong_arguments_of_workers(capsys, arguments, complaint):
    assert cli.run(["worker", *arguments]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_two_gpus_each_are_no_choice(capsys):
    with pytest.raises(SystemExit) as end:
        cli.run(["worker", "tcp://127.0.0.1:1", "--gpus", "2"])
    assert end.value.code == 2
    assert "invalid choice: 2" in capsys.readouterr().err


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    supply = Supply(4, None, 1)
    found = [serving._surroundings(supply, number) for number in range(2)]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in found] == ["3", "5"]
    assert found[0]["OMP_NUM_THREADS"] == "2", "what the user has set stays"
    assert found[0]["MKL_NUM_THREADS"] == "4"
    with pytest.raises(UsageError, match=r"'3,5': no GPU for process 3; expected at most"):
        serving._surroundings(supply, 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert serving._surroundings(supply, 1)["CUDA_VISIBLE_DEVICES"] == "1"


class _Process:
    """Ends as soon as it is looked at."""

    def __init__(self, *_, **__):
        self.n_terminated = 0

    def poll(self):
        return 1

    def terminate(self):
        self.n_terminated += 1

    def wait(self, timeout=None):
        return 1


def test_a_worker_that_ends_at_once_is_started_ever_more_seldom(monkeypatch):
    now, begun = [0.0], []

    def start(*arguments, **options):
        begun.append(now[0])
        return _Process()

    monkeypatch.setattr(serving.subprocess, "Popen", start)
    monkeypatch.setattr(serving.time, "monotonic", lambda: now[0])
    keeper = serving._Keeper(["worker"], {})
    while now[0] < 400:
        keeper.look()
        now[0] += 0.5
    waits = [late - early for early, late in itertools.pairwise(begun)]
    assert waits[:6] == pytest.approx([2.5, 4.5, 8.5, 16.5, 32.5, 60.5])
    assert max(waits) == pytest.approx(60.5)


# without a cluster, without Dask


def test_a_scheduler_that_cannot_be_reached(tmp_path, monkeypatch, capsys):
    """An error that says so; what is there stays."""
    monkeypatch.setattr("heschl.cluster.starting.TIMEOUT", 0.5)
    path, out = small_study.write(tmp_path), tmp_path / "out"
    (out / "runs").mkdir(parents=True)
    (out / "runs" / "mine").write_text("kept")
    address = f"tcp://127.0.0.1:{free_port()}"
    arguments = ["study", "run", str(path), "-o", str(out), "--cluster", address]
    assert cli.run(arguments) == 1
    said = capsys.readouterr().err
    assert re.search(r"no scheduler can be reached \(.*\); expected one that runs", said)
    assert (out / "runs" / "mine").read_text() == "kept"


def test_tls_without_certificates_is_told(tmp_path, capsys):
    path, address = small_study.write(tmp_path), "tls://127.0.0.1:8786"
    arguments = ["study", "run", str(path), "-o", str(tmp_path / "out"), "--cluster", address]
    for command in (arguments, ["worker", address]):
        assert cli.run(command) == 1
        said = capsys.readouterr().err
        assert "is encrypted, and no certificates are known; expected those of its owner" in said


_WITHOUT = """\
import sys

class Blocked:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {"dask", "distributed", "dask_jobqueue"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
from heschl import cli

codes = [cli.run(arguments.split("|")) for arguments in sys.argv[1:]]
print(codes)
"""


def test_without_dask_only_clusters_are_missing(tmp_path):
    path = tmp_path / "quick.yaml"
    path.write_text(
        "study: quick\ntitle: t\nmodels: [melspectrogram]\ndatasets: [synthetic]\n"
        "metrics: [rsa]\nbootstrap: 0\nlayer_profiles: false\n"
    )
    run = f"study|run|{path}|--output|{tmp_path / 'out'}|--jobs|1"
    commands = [run, f"{run}|--cluster|local:2", f"{run}|--cluster|{EXAMPLE}"]
    commands += ["worker|tcp://127.0.0.1:1"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _WITHOUT, *commands],
        capture_output=True,
        text=True,
        env=surroundings(HESCHL_HOME=store.home()),
        timeout=240,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[0, 1, 1, 1]"
    said = [line for line in done.stderr.splitlines() if line.startswith("heschl: ")]
    assert len(said) == 3
    for line in said:
        assert 'install heschl with its extra "cluster": python -m pip install' in line
    assert "a cluster needs distributed" in said[-1]
