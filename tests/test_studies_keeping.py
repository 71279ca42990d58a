"""Results on disk while several processes, killed ones and full disks are about."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import heschl
from heschl import store
from heschl.errors import HeschlError, StoreError
from heschl.process import forget_peak, memory
from heschl.results import Results
from heschl.studies import Running, journal, read_journal, read_study, run_study
from heschl.studies import desk as desk_module
from heschl.studies.folder import RUNS
from heschl.studies.keeping import MAKING, is_whole, keep

fcntl = pytest.importorskip("fcntl", reason="locks of POSIX")
QUIET = Running(show_progress=False, n_jobs=1)
STUDY = """\
study: quick
title: One model, one brain
models: [melspectrogram]
datasets: [synthetic]
metrics: [rsa]
bootstrap: 0
layer_profiles: false
"""


@pytest.fixture(scope="module")
def found():
    """A result of some kilobytes."""
    return heschl.score(
        "melspectrogram", "synthetic", metric="rsa", n_bootstrap=0, show_progress=False
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "quick.yaml"
    path.write_text(STUDY)
    return read_study(path)


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# several processes


def test_two_processes_at_once_compute_everything_once(file, tmp_path):
    """Real ones, begun together: one computes, the other waits, reads, and says so."""
    place, gate = tmp_path / "out", tmp_path / "gate"
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from heschl.studies import Running, read_study, run_study\n"
        "file = read_study(sys.argv[1])\nprint('ready', flush=True)\n"
        "while not Path(sys.argv[3]).exists():\n    time.sleep(0.005)\n"
        "run_study(file, sys.argv[2], how=Running(show_progress=False, n_jobs=1))\n"
    )
    command = [sys.executable, "-c", program, str(file.path), str(place), str(gate)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    gate.touch()
    for process in both:
        process.communicate(timeout=240)
    assert [process.returncode for process in both] == [0, 0]
    lines = read_journal(place)
    analyses = lines[lines["job"] == "analysis"]
    assert analyses["computed"].sum() == 1
    assert set(lines["process"]) <= {process.pid for process in both}
    entries = list((store.home() / "activations").iterdir())
    assert len(entries) == 1, "one extraction"
    assert not list((place / RUNS / MAKING).iterdir())


def test_many_writers_of_one_result_leave_a_whole_one(found, tmp_path):
    """Without a lock between them: the first that is there stays."""
    place = tmp_path / "result-0123"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: keep(found, place, alone=False), range(24)))
    assert Results.load(place).rows() == found.rows()
    assert {path.name for path in tmp_path.iterdir()} == {MAKING, "result-0123"}
    assert not list((tmp_path / MAKING).iterdir())


def test_a_damaged_result_is_replaced_while_others_read(found, tmp_path):
    """Who reads meets the damaged one, none, or a whole one; never a mixture."""
    place, stop, seen = tmp_path / "result-0123", threading.Event(), set()
    expected = found.rows()

    def read():
        while not stop.is_set():
            try:
                seen.add(Results.load(place).rows() == expected)
            except HeschlError:
                seen.add("refused")

    keep(found, place)
    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for _ in range(10):
            (place / "results.json").write_text('{"format"')
            assert not is_whole(place)
            keep(found, place)
            assert is_whole(place)
        stop.set()
        for reader in readers:
            reader.result()
    assert seen - {True} <= {"refused"}
    assert {path.name for path in tmp_path.iterdir()} == {MAKING, "result-0123"}
    assert not list((tmp_path / MAKING).iterdir())


def test_a_whole_result_of_another_process_stays(found, tmp_path):
    place = tmp_path / "result-0123"
    keep(found, place)
    before = {path: path.stat().st_ino for path in place.iterdir()}
    keep(found, place)
    assert {path: path.stat().st_ino for path in place.iterdir()} == before


# killed processes


def test_what_killed_processes_left_is_removed(found, tmp_path):
    place = tmp_path / "result-0123"
    making = tmp_path / MAKING
    for name in ("result-0123-aaaa", "result-0123-bbbb", "result-4567-cccc"):
        (making / name).mkdir(parents=True)
        (making / name / "scores.csv").write_text("half")
    keep(found, place)
    assert [path.name for path in making.iterdir()] == ["result-4567-cccc"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [MAKING, "result-0123"]


def test_without_locks_what_may_be_another_process_at_work_stays(found, tmp_path):
    other = tmp_path / MAKING / "result-0123-aaaa"
    other.mkdir(parents=True)
    keep(found, tmp_path / "result-0123", alone=False)
    assert list((tmp_path / MAKING).iterdir()) == [other]


# file systems


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_study_on_a_file_system_without_locks(file, tmp_path, monkeypatch, number):
    calls = []

    def refuse(handle, how):
        calls.append(handle)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert run_study(file, tmp_path / "out", how=QUIET).done
    assert len(calls) >= 3, "of the activations, the result, and the journal"
    assert read_journal(tmp_path / "out")["computed"].tolist() == [True, True]


def test_a_disk_that_is_full_when_a_result_is_written(file, tmp_path, monkeypatch):
    """A failure that is told, with nothing half there; with space the next run does it."""
    kept, attempts = desk_module.keep, []

    def on_a_full_disk(found, place, **how):
        attempts.append(place)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            kept(found, place, **how)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    monkeypatch.setattr(desk_module, "keep", on_a_full_disk)
    run = run_study(file, tmp_path / "out", how=QUIET)
    monkeypatch.undo()
    (failure,) = run.failures
    assert "cannot write" in failure.error
    assert len(attempts) == 1
    hidden = {path.name for path in (tmp_path / "out" / RUNS).iterdir()}
    assert hidden == {".locks", MAKING}, "neither a result nor half of one"
    assert not list((tmp_path / "out" / RUNS / MAKING).iterdir())
    assert run_study(file, tmp_path / "out", how=QUIET).done


# the journal


def test_a_line_that_a_full_disk_cut_short_takes_no_other_with_it(tmp_path):
    journal.write_line(tmp_path, {"what": "first"})
    path = tmp_path / journal.FILE
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, before[1]))
    try:
        with pytest.raises(StoreError, match="cannot write"):
            journal.write_line(tmp_path, {"what": "second"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(path.read_text().splitlines()[1]) == 10
    journal.write_line(tmp_path, {"what": "third"})
    assert read_journal(tmp_path)["what"].tolist() == ["first", "third"]


def test_lines_of_many_writers_do_not_mix(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: journal.write_line(tmp_path, {"what": f"{n}" * 50}), range(64)))
    lines = (tmp_path / journal.FILE).read_text().splitlines()
    assert sorted(json.loads(line)["what"] for line in lines) == sorted(
        f"{n}" * 50 for n in range(64)
    )


def test_a_study_that_has_no_journal(tmp_path):
    assert read_journal(tmp_path).empty


def test_machines_are_told_apart_but_not_named(monkeypatch):
    monkeypatch.setattr(journal.platform, "node", lambda: "ginger")
    first = journal.machine()
    monkeypatch.setattr(journal.platform, "node", lambda: "fred")
    assert first != journal.machine()
    assert (len(first), "ginger" in first) == (8, False)


def test_the_peak_of_memory_is_that_of_one_job():
    if memory("VmHWM") is None:
        pytest.skip("this system does not tell it")
    forget_peak()
    before = memory("VmHWM")
    block = bytearray(200_000_000)
    with_block = memory("VmHWM")
    assert with_block - before > 190_000_000
    del block
    forget_peak()
    assert memory("VmHWM") < with_block - 100_000_000 or not Path("/proc/self/clear_refs").exists()
