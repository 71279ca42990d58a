"""Fuzz heschl's readers.

Run: python fuzz/run.py --seconds 600 [TARGET ...]

Every target in a process of its own. Ends with 1 if anything was found, and says which input.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from targets import TARGETS

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
#: In memory where there is such a folder: readers are given thousands of files a second.
MEMORY = Path("/dev/shm")

#: libFuzzer's own limits, for what hangs. `watch` has tighter ones for one input, in seconds of
#: computing: other processes do not count.
LIMITS = ("-timeout=60", "-rss_limit_mb=2000", "-max_len=8000")
#: Of targets whose readers are libraries in C: no branches of theirs guide the fuzzer, which would
#: throw most seeds away.
UNGUIDED = {"sounds": ("-keep_seed=1", "-reduce_inputs=0")}
FINDINGS = ("crash-*", "oom-*", "timeout-*")


@dataclass(frozen=True)
class Outcome:
    """What came of fuzzing one target.

    Attributes
    ----------
    target : str
    seconds, runs, coverage : int
        How long, how many inputs, and how many branches they reached.
    findings : tuple of Path
        Inputs.
    failed : bool
        Whether the fuzzer ended otherwise than by its time.
    log : Path
        What it said.
    """

    target: str
    seconds: int
    runs: int
    coverage: int
    findings: tuple[Path, ...]
    failed: bool
    log: Path

    def __str__(self) -> str:
        rate = self.runs / max(1, self.seconds)
        found = f"{len(self.findings)} findings" if self.findings else "nothing found"
        return (
            f"{self.target:16}{self.seconds:6} s{self.runs:12,} runs{rate:9,.0f} /s"
            f"{self.coverage:7,} branches   {found}"
        )


def main() -> int:
    """Fuzz what the command line asks for."""
    said = arguments()
    if importlib.util.find_spec("atheris") is None:
        print(
            "atheris is not installed: it has wheels for Linux on x86_64 only "
            '(pip install "heschl[fuzz]"). Elsewhere the corpus can be replayed: '
            "python -m pytest tests/test_fuzz_corpus.py",
            file=sys.stderr,
        )
        return 2
    memory = MEMORY if MEMORY.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="heschl-fuzz-", dir=memory) as scratch,
        ThreadPoolExecutor(said.jobs) as pool,
    ):
        outcomes = list(pool.map(lambda name: _fuzz(name, said, Path(scratch)), said.targets))
    bad = [one for one in outcomes if one.failed or one.findings]
    for one in bad:
        for path in one.findings or (one.log,):
            print(f"{one.target}: {path}")
    if bad:
        print("Look at one with: python fuzz/replay.py TARGET FILE; see docs/fuzzing.md")
    return 1 if bad else 0


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what is asked for: the targets by name, all of them where none is named."""
    parser = _parser()
    said = parser.parse_args(given)
    for name in said.targets:
        if name not in TARGETS:
            parser.error(f"unknown target {name!r}; expected one of: {', '.join(TARGETS)}")
    said.targets = said.targets or list(TARGETS)
    return said


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Fuzz heschl's readers.")
    names = ", ".join(TARGETS)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {names}; default all")
    parser.add_argument("--seconds", type=int, default=600, help="for each target (default 600)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="targets at a time (default: cores)"
    )
    parser.add_argument(
        "--found",
        type=Path,
        default=Path(tempfile.gettempdir()) / "heschl-fuzz",
        help="folder for logs, findings and inputs that reached new branches (%(default)s)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="add to fuzz/corpus what reached new branches"
    )
    return parser


def _fuzz(name: str, said: argparse.Namespace, scratch: Path) -> Outcome:
    """Fuzz one target; print and return what came of it."""
    place: Path = said.found.resolve() / name
    (place / "corpus").mkdir(parents=True, exist_ok=True)
    seeds = CORPUS / name
    before = _findings(place)
    dictionary = HERE / "dictionaries" / f"{name}.dict"
    options = [
        *LIMITS,
        f"-max_total_time={said.seconds}",
        f"-artifact_prefix={place}/",
        "-print_final_stats=1",
        *UNGUIDED.get(name, ()),
        *([f"-dict={dictionary}"] if dictionary.is_file() else []),
    ]
    log = place / "log.txt"
    began = time.monotonic()
    rc = _run(name, [*options, str(place / "corpus"), str(seeds)], log, scratch)
    seconds = round(time.monotonic() - began)
    if said.keep:
        _run(name, ["-merge=1", str(seeds), str(place / "corpus")], place / "merge.txt", scratch)
    found = tuple(sorted(set(_findings(place)) - set(before)))
    outcome = Outcome(name, seconds, *_numbers(log), findings=found, failed=rc != 0, log=log)
    print(outcome, flush=True)
    return outcome


def _run(name: str, options: Sequence[str], log: Path, scratch: Path) -> int:
    command = [sys.executable, str(HERE / "fuzzer.py"), name, *options]
    environment = os.environ | {"TMPDIR": str(scratch), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as stream:
        done = subprocess.run(
            command, stdout=stream, stderr=subprocess.STDOUT, env=environment, check=False
        )
    return done.returncode


def _findings(place: Path) -> list[Path]:
    return [path for pattern in FINDINGS for path in place.glob(pattern)]


def _numbers(log: Path) -> tuple[int, int]:
    """Return runs and coverage, by what a fuzzer said last."""
    text = log.read_text(encoding="utf-8", errors="replace")
    stats = [int(n) for n in re.findall(r"^stat::number_of_executed_units:\s*(\d+)", text, re.M)]
    counted = [int(n) for n in re.findall(r"^#(\d+)\s", text, re.M)]
    coverage = [int(n) for n in re.findall(r" cov: (\d+) ", text)]
    return max(stats + counted, default=0), max(coverage, default=0)


if __name__ == "__main__":
    sys.exit(main())
