"""A Dask scheduler and ``heschl worker``: processes of their own on 127.0.0.1, for tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest

import small_study
from heschl.studies import Running, read_study, run_study

#: Seconds for anything that is waited for; far more than it takes.
PATIENCE = 240.0


def write_study(folder: Path) -> Path:
    """Write the small study with quicker models, one of them a user's own; return its path."""
    (folder / "level_models.py").write_text(small_study.MODELS)
    path = small_study.write(folder)
    text, models = path.read_text(), "[melspectrogram, cochleagram]"
    if models not in text:
        raise ValueError(f"{path}: other models than {models}")
    own = "{name: 'torch:level_models:Levels', modules: .}"
    path.write_text(text.replace(models, f"[melspectrogram, {own}]"))
    return path


def done_alone(place: Path) -> tuple[Path, dict[str, bytes]]:
    """Write the study and carry it out in this process; return its file and its tables."""
    path = write_study(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HESCHL_HOME", str(place / "home"))
        how = Running(show_progress=False, n_jobs=1)
        run_study(read_study(path), place / "out", how=how)
    return path, small_study.tables(place / "out")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(met: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.02)


def surroundings(**more: object) -> dict[str, str]:
    """Return an environment of one thread each, that finds what these tests import."""
    found = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return found | {name: str(value) for name, value in more.items()}


class Program:
    """A process with its log; ended, with its children, at the end of the block."""

    def __init__(self, command: list[str], log: Path, env: Mapping[str, str]) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file, env=dict(env))

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def children(self) -> list[psutil.Process]:
        """Return its children, and theirs."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """End it at once, as a machine that is lost ends."""
        for child in self.children():
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.kill()
        self.process.wait()

    def finish(self) -> int:
        return self.process.wait(PATIENCE)


def scheduler(port: int, log: Path, **env: object) -> Program:
    """Start a scheduler; a job that one worker died over is an error at once."""
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    return Program(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", *options],
        log,
        surroundings(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0, **env),
    )


def worker(address: str, log: Path, *options: str, **env: object) -> Program:
    """Start ``heschl worker``."""
    command = [sys.executable, "-m", "heschl", "worker", address, "--cores", "1", *options]
    return Program(command, log, surroundings(**env))


def client(file: Path, folder: Path, cluster: str, log: Path, **env: object) -> Program:
    """Start ``heschl study run --cluster``."""
    command = [sys.executable, "-W", "ignore", "-m", "heschl", "study", "run", str(file)]
    command += ["--output", str(folder), "--cluster", cluster, "--jobs", "1"]
    return Program(command, log, surroundings(**env))


def workers_of(program: Program) -> list[psutil.Process]:
    """Return the processes that do the work of a ``heschl worker``: children of Dask's nannies."""
    found = []
    for child in program.children():
        try:
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def kept(*folders: Path) -> dict[Path, tuple[int, int]]:
    """Return the inode and time of every result and part of activations that is in its place."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file() and not hidden:
                found[path] = status.st_ino, status.st_mtime_ns
    return found


def interrupt(process: psutil.Process) -> None:
    """Kill one process, which cannot say anything then."""
    process.send_signal(signal.SIGKILL)
