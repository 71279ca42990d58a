"""Workers that are begun for a study, and end with it: of this machine, and of a batch system."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import small_cluster
import small_study
from heschl.studies import Running, read_journal

pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="shell scripts and signals of POSIX"),
    pytest.mark.filterwarnings("ignore::heschl.errors.HeschlWarning"),
]
FAKE = Path(__file__).parent / "fake_slurm"
QUIET = Running(show_progress=False, n_jobs=1)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return small_cluster.done_alone(tmp_path_factory.mktemp("alone"))


def left_of(*words):
    """Return the processes whose command has all of some words."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        said = " ".join(process.info["cmdline"] or ())
        if all(word in said for word in words):
            found.append(said)
    return found


def test_processes_of_this_machine(alone, tmp_path):
    """``local:2``: the same tables, by two processes with one HESCHL_HOME, which end with it."""
    path, expected = alone
    log, home = tmp_path / "log", tmp_path / "home"
    with (
        socket.socket() as other,
        small_cluster.client(path, tmp_path / "out", "local:2", log, HESCHL_HOME=home) as client,
    ):
        with contextlib.suppress(OSError):  # somebody else has it: as well
            other.bind(("127.0.0.1", 8787))
            other.listen()
        assert client.finish() == 0, client.said
    assert "8787" not in client.said, "the port of pages that are not wanted"
    assert small_study.tables(tmp_path / "out") == expected
    lines = read_journal(tmp_path / "out")
    assert lines["computed"].all()
    assert len(lines) == 6 + 4, "analyses and extractions"
    assert client.process.pid not in set(lines["process"])
    assert not any(psutil.pid_exists(number) for number in set(lines["process"]))
    n_entries = len(list((home / "activations").iterdir()))
    assert n_entries == 2 * (1 + 3), "of the brain, and of the three splits of the task"


@pytest.mark.skipif(shutil.which("setsid") is None, reason="needs setsid")
def test_a_batch_system(alone, tmp_path):
    """A job script that is really run, by commands that take the place of SLURM's."""
    pytest.importorskip("dask_jobqueue")
    path, expected = alone
    jobs, home = tmp_path / "jobs", tmp_path / "home"
    jobs.mkdir()
    queue = tmp_path / "slurm.yaml"
    queue.write_text(
        "system: slurm\nworkers: 2\ncores: 1\nmemory: 2 GB\nwalltime: '0:30:00'\nqueue: short\n"
        f"interface: lo\nlogs: {tmp_path / 'logs'}\n"
        f"setup: ['echo $HESCHL_HOME $OMP_NUM_THREADS > {tmp_path}/set-up']\n"
    )
    with small_cluster.client(
        path,
        tmp_path / "out",
        str(queue),
        tmp_path / "log",
        HESCHL_HOME=home,
        FAKE_SLURM=jobs,
        PATH=f"{FAKE}{os.pathsep}{os.environ['PATH']}",
    ) as client:
        assert client.finish() == 0, client.said
    assert small_study.tables(tmp_path / "out") == expected
    scripts = sorted(jobs.glob("*/script.sh"))
    assert len(scripts) == 2
    assert "#SBATCH -p short" in scripts[0].read_text()
    assert (tmp_path / "set-up").read_text() == f"{home} 1\n"
    lines = read_journal(tmp_path / "out")
    assert client.process.pid not in set(lines["process"])
    assert lines["computed"].all()
    small_cluster.until(lambda: not left_of("dask_worker", "CORES=1 MEMORY=2000000000"), "ended")
    env = os.environ | {"FAKE_SLURM": str(jobs)}
    said = subprocess.run([FAKE / "squeue"], env=env, capture_output=True, text=True, check=True)
    assert said.stdout == "JOBID ST\n", "no job is left"
