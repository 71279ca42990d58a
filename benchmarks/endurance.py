"""A study that is killed again and again: what it loses, repeats or changes.

In one process: ``heschl study run`` is killed (SIGKILL) at random moments and started again. On a
cluster: a Dask scheduler, two ``heschl worker`` and the client are processes of their own; every
few seconds a worker is killed, once the scheduler and once the client, and started again. With
``--hosts`` (as root, on Linux) the second worker is on another host, as far as its network can
tell, and once it is cut off for longer than Dask waits.

Counted is what was on disk at a kill and is another file at the end: a result, a part of
activations or of a probe that was computed twice. The tables have to be those of a run that nobody
disturbed, to the byte.

Run: python benchmarks/endurance.py [STUDY.yaml] [--kills 50] [--way process|cluster] [--longest 20]
     [--hosts] [--reference FOLDER]
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
#: What is written anew by design: the index, tables, the state of a training under way, locks.
CHANGING = ("study.json", "checkpoint-", ".lock", ".tmp", "jobs.jsonl")
#: Of a study's folder.
TABLES = ("study.json", "scores.csv", "provenance.json")
#: Two hosts of one machine, the addresses of their network, and for how long it is cut, in seconds.
HOSTS, ADDRESSES, CUT = ("heschl-a", "heschl-b"), ("10.97.0.1", "10.97.0.2"), 45

Known = dict[Path, tuple[int, int, int]]


@dataclasses.dataclass
class Place:
    """Where a run keeps everything.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @property
    def out(self) -> Path:
        """Of the study's results."""
        return self.folder / "out"

    @property
    def home(self) -> Path:
        """Of HESCHL_HOME."""
        return self.folder / "home"

    def environment(self) -> dict[str, str]:
        """Return the environment of its processes."""
        return {**os.environ, "HESCHL_HOME": str(self.home), "HESCHL_OFFLINE": "1"}

    def kept(self) -> Known:
        """Return every file that is not to be written again, by inode, size and time."""
        found: Known = {}
        roots = (self.out / "runs", self.home / "activations", self.home / "probes")
        for path in (path for root in roots for path in root.rglob("*")):
            try:
                status = path.stat()
            except FileNotFoundError:  # a temporary file
                continue
            hidden = any(part.startswith(".") for part in path.relative_to(self.folder).parts)
            if path.is_file() and not hidden and not path.name.startswith(CHANGING):
                found[path] = status.st_ino, status.st_size, status.st_mtime_ns
        return found


def tables(out: Path) -> dict[str, bytes]:
    """Return what a study says, by the name of the file."""
    paths = [*(out / name for name in TABLES), *sorted((out / "tables").glob("*.csv"))]
    return {path.name: path.read_bytes() for path in paths}


def again(before: Known, now: Known) -> list[Path]:
    """Return what was there and is not, or is another file."""
    return [path for path, status in before.items() if now.get(path) != status]


@dataclasses.dataclass(frozen=True)
class Net:
    """Where processes are, and how they reach the scheduler.

    Attributes
    ----------
    hosts : tuple of str
        Namespaces; none are this machine.
    ip : str
        Of the scheduler.
    port : int
    """

    hosts: tuple[str, ...]
    ip: str
    port: int

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return f"tcp://{self.ip}:{self.port}"

    def on(self, number: int) -> list[str]:
        """Return what comes before a command on a host."""
        return ["ip", "netns", "exec", self.hosts[number]] if self.hosts else []

    def cut(self) -> None:
        """Cut the second host off for a while."""
        print(f"the network is cut for {CUT} s", flush=True)
        self._link("down")
        time.sleep(CUT)
        self._link("up")

    def _link(self, state: str) -> None:
        ip(*self.on(1)[3:], "link", "set", "veth-b", state, netns=True)


def ip(*arguments: str, netns: bool = False) -> None:
    """Run the command ip, in a namespace if the first argument is one."""
    command = ["ip", "-n", *arguments] if netns else ["ip", *arguments]
    subprocess.run(command, check=True)


@contextlib.contextmanager
def network(two_hosts: bool) -> Iterator[Net]:
    """Have two hosts with a cable between them, or this machine."""
    if not two_hosts:
        yield Net((), "127.0.0.1", free_port())
        return
    for host in HOSTS:
        ip("netns", "add", host)
    try:
        ip("link", "add", "veth-a", "netns", HOSTS[0], "type", "veth", "peer", "veth-b")
        ip("link", "set", "veth-b", "netns", HOSTS[1])
        for host, address, link in zip(HOSTS, ADDRESSES, ("veth-a", "veth-b"), strict=True):
            ip(host, "addr", "add", f"{address}/24", "dev", link, netns=True)
            ip(host, "link", "set", link, "up", netns=True)
            ip(host, "link", "set", "lo", "up", netns=True)
        yield Net(HOSTS, ADDRESSES[0], 8786)
    finally:
        for host in HOSTS:
            ip("netns", "del", host)


def client(study: Path, place: Place, net: Net | None = None) -> subprocess.Popen[bytes]:
    """Run a study; on a cluster if there is one."""
    command = [
        *([] if net is None else net.on(0)),
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "heschl",
        "study",
        "run",
        str(study),
        "-q",
    ]
    cluster = () if net is None else ("--cluster", net.address)
    log = (place.folder / "client.log").open("ab")
    return subprocess.Popen(
        [*command, "--output", str(place.out), *cluster],
        env=place.environment(),
        stdout=log,
        stderr=log,
    )


def finish(process: subprocess.Popen[bytes], place: Place) -> None:
    if process.wait() != 0:
        sys.exit(f"failed: see {place.folder / 'client.log'}")


def rounds(folder: Path) -> Iterator[Place]:
    """Yield empty places: a study that is done is begun anew, elsewhere."""
    number = 0
    while True:
        place = Place(folder / f"round{number}")
        place.home.mkdir(parents=True)
        yield place
        number += 1


def in_process(study: Path, n_kills: int, longest: float, folder: Path) -> Iterator[Place]:
    """Kill one process at random moments; yield each place whose study is done."""
    rng = np.random.default_rng(8)
    killed = 0
    for place in rounds(folder):
        while True:
            before = place.kept()
            process = client(study, place)
            last = killed == n_kills
            try:
                process.wait(None if last else float(rng.uniform(1, longest)))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed += 1
            report(killed, n_kills, before, place)
            if process.returncode != -signal.SIGKILL:
                finish(process, place)
                break
        yield place
        if killed == n_kills:
            return


def on_a_cluster(
    study: Path, n_kills: int, longest: float, folder: Path, net: Net
) -> Iterator[Place]:
    """Kill workers every few seconds, once the scheduler and once the client."""
    rng = np.random.default_rng(9)
    killed = 0
    for place in rounds(folder):
        processes = {"scheduler": scheduler(net, place)}
        processes |= {f"worker{i}": worker(net, i, place) for i in range(2)}
        processes["client"] = client(study, place, net)
        try:
            while processes["client"].poll() is None:
                before = place.kept()
                try:
                    processes["client"].wait(float(rng.uniform(longest / 5, longest)))
                    break
                except subprocess.TimeoutExpired:
                    pass
                if killed == n_kills:
                    continue
                killed += 1
                if killed == n_kills // 3:
                    restart("scheduler", processes, lambda p=place: scheduler(net, p))
                elif killed == n_kills // 2:
                    restart("client", processes, lambda p=place: client(study, p, net))
                else:
                    strike(processes, rng, net if killed == 2 * n_kills // 3 else None)
                report(killed, n_kills, before, place)
            finish(processes["client"], place)
        finally:
            for process in processes.values():
                process.terminate()
            for process in processes.values():
                process.wait()
        yield place
        if killed == n_kills:
            return


def restart(name: str, processes: dict[str, subprocess.Popen[bytes]], begin: object) -> None:
    print(f"the {name} is killed and started again", flush=True)
    processes[name].kill()
    processes[name].wait()
    processes[name] = begin()  # type: ignore[operator]


def strike(
    processes: dict[str, subprocess.Popen[bytes]], rng: np.random.Generator, net: Net | None
) -> None:
    """Cut the network if there is one to cut, or kill a worker."""
    if net is not None and net.hosts:
        net.cut()
    else:
        kill_worker(processes[f"worker{rng.integers(2)}"], rng)


def kill_worker(keeper: subprocess.Popen[bytes], rng: np.random.Generator) -> None:
    """Kill Dask's worker, or its nanny with it, below a ``heschl worker``."""
    nannies = psutil.Process(keeper.pid).children()
    workers = [one for nanny in nannies for one in nanny.children()]
    for victim in [*workers, *(nannies if rng.random() < 0.3 else [])]:
        try:
            victim.kill()
        except psutil.NoSuchProcess:
            continue


def scheduler(net: Net, place: Place) -> subprocess.Popen[bytes]:
    """Start a scheduler on the first host."""
    command = [*net.on(0), sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    where = ["--host", net.ip, "--port", str(net.port)]
    return background([*command, *where], place, "scheduler")


def worker(net: Net, host: int, place: Place) -> subprocess.Popen[bytes]:
    """Start a worker, and what keeps it alive."""
    command = [*net.on(host), sys.executable, "-W", "ignore", "-m", "heschl", "worker", net.address]
    return background([*command, "--cores", "1", "--memory", "8 GB"], place, "workers")


def background(command: list[str], place: Place, name: str) -> subprocess.Popen[bytes]:
    log = (place.folder / f"{name}.log").open("ab")
    return subprocess.Popen(command, env=place.environment(), stdout=log, stderr=log)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def report(killed: int, n_kills: int, before: Known, place: Place) -> None:
    now = place.kept()
    lost = again(before, now)
    print(f"{killed} of {n_kills} kills; {len(now)} files kept, {len(lost)} again", flush=True)
    for path in lost:
        print(f"  {path}")
    TWICE.extend(lost)


TWICE: list[Path] = []


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("study", nargs="?", type=Path, default=ROOT / "studies" / "offline.yaml")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--way", choices=("process", "cluster"), default="process")
    parser.add_argument("--longest", type=float, default=20.0, help="seconds between two kills")
    parser.add_argument("--hosts", action="store_true", help="two hosts, as root on Linux")
    parser.add_argument("--reference", type=Path, help="folder of a run that nobody disturbed")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="endurance-"))
    began = time.monotonic()
    reference = Place(folder / "reference")
    if options.reference is None:
        reference.home.mkdir(parents=True)
        finish(client(options.study, reference), reference)
        print(f"undisturbed: {time.monotonic() - began:.0f} s", flush=True)
    differing = 0
    given = options.study, options.kills, options.longest, folder
    with network(options.hosts) as net:
        done = in_process(*given) if options.way == "process" else on_a_cluster(*given, net)
        for place in done:
            found = tables(place.out)
            expected = tables(reference.out if options.reference is None else options.reference)
            other = [name for name in expected if found.get(name) != expected[name]]
            differing += len(other)
            print(f"done: {place.folder.name}; tables that differ: {', '.join(other) or 'none'}")
    print(
        f"{options.way}: {options.kills} kills in {time.monotonic() - began:.0f} s, "
        f"{len(TWICE)} files written again, {differing} tables differ"
    )
    if TWICE or differing:
        sys.exit(f"see {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
