"""Downloads against a loopback server that cuts, refuses, alters and counts."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pooch
import pytest

from heschl import fetch
from heschl._version import __version__
from heschl.errors import FetchError, OfflineError, StoreError, UsageError
from loopback import Loopback

NO_WAITS = (0.0, 0.0, 0.0)
BIG = 300_000
RELEASE = {
    "big.bin": np.random.default_rng(1).bytes(BIG),
    "tables/labels.csv": b"name,category\na,Music\n",
    "tables/empty note.txt": b"x",
}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def tree(folder):
    """Return {relative path: bytes} of everything below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name, content in RELEASE.items():
        path = tmp_path / "server" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with Loopback(tmp_path / "server") as running:
        yield running


@pytest.fixture
def target(tmp_path):
    return tmp_path / "target"


def remote(server, *names, sized=True):
    return [
        fetch.RemoteFile(
            f"{server.url}/{name}",
            Path(name),
            sha256(RELEASE[name]),
            len(RELEASE[name]) if sized else None,
        )
        for name in names or RELEASE
    ]


def run(server, target, *names, sized=True, waits=NO_WAITS):
    plan = fetch.plan("made-up", remote(server, *names, sized=sized), target)
    return fetch.download(plan, waits=waits)


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# the plan


def test_plan_of_nothing_there_counts_all_bytes_and_asks_no_one(server, target):
    plan = fetch.plan("made-up", remote(server), target)
    assert [p.state for p in plan.files] == ["missing"] * 3
    assert plan.n_bytes == sum(map(len, RELEASE.values()))
    assert plan.todo == plan.files
    assert server.requests == []
    assert not target.exists()


def test_plan_tells_present_missing_damaged_and_partial(server, target):
    put(target / "tables/labels.csv", RELEASE["tables/labels.csv"])
    put(target / "tables/empty note.txt", b"y")  # right size, wrong byte
    put(target / "big.bin.part", RELEASE["big.bin"][:1000])
    before = tree(target)
    plan = fetch.plan("made-up", remote(server), target)
    assert [p.state for p in plan.files] == ["missing", "present", "damaged"]
    assert [p.n_bytes for p in plan.files] == [BIG - 1000, 0, 1]
    assert plan.n_bytes == BIG - 1000 + 1
    assert [p.file.path.name for p in plan.todo] == ["big.bin", "empty note.txt"]
    assert plan.summary() == (
        "made-up: 1 present, 1 missing, 1 damaged of 3 files; 0.3 MB to download"
    )
    assert tree(target) == before
    assert server.requests == []


def test_plan_calls_another_size_damaged(server, target):
    put(target / "big.bin", RELEASE["big.bin"][:-1])
    (planned,) = fetch.plan("made-up", remote(server, "big.bin"), target).files
    assert planned.state == "damaged"


def test_plan_without_sizes_does_not_guess(server, target):
    put(target / "big.bin", RELEASE["big.bin"])
    plan = fetch.plan("made-up", remote(server, sized=False), target)
    assert [p.n_bytes for p in plan.files] == [0, None, None]
    assert plan.n_bytes is None
    assert "unknown size" in plan.summary()


@pytest.mark.parametrize("digest", ["", "abc", "g" * 64, "A" * 64, "sha256:" + "0" * 64])
def test_hash_must_be_sha256(digest):
    with pytest.raises(UsageError, match="64 lower-case hexadecimal"):
        fetch.RemoteFile("http://127.0.0.1/x", Path("x"), digest)


@pytest.mark.parametrize("path", ["/x", "../x", "a/../../x", "."])
def test_path_must_stay_inside_the_release(path):
    with pytest.raises(UsageError, match="inside it"):
        fetch.RemoteFile("http://127.0.0.1/x", Path(path), "0" * 64)


# carried out


@pytest.mark.parametrize("sized", [True, False])
def test_download_brings_everything_once(server, target, sized):
    assert run(server, target, sized=sized) == target
    assert tree(target) == RELEASE
    assert server.counts() == dict.fromkeys(RELEASE, 1)
    run(server, target, sized=sized)
    assert len(server.requests) == len(RELEASE)


def test_pooch_says_nothing_and_is_left_as_it_is(server, target):
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    pooch.get_logger().addHandler(handler)
    try:
        run(server, target)
        assert records == []
        pooch.get_logger().info("somebody else's")
        assert [record.getMessage() for record in records] == ["somebody else's"]
    finally:
        pooch.get_logger().removeHandler(handler)


def test_server_is_told_who_asks_and_for_plain_bytes(server, target):
    run(server, target, "big.bin")
    (request,) = server.requests
    assert request.headers["User-Agent"].startswith(f"heschl/{__version__}")
    assert request.headers["Accept-Encoding"] == "identity"
    assert request.range is None


def test_only_the_damaged_file_is_downloaded_again(server, target):
    run(server, target)
    put(target / "big.bin", RELEASE["big.bin"][::-1])
    run(server, target)
    assert tree(target) == RELEASE
    assert server.counts() == {"big.bin": 2, "tables/labels.csv": 1, "tables/empty note.txt": 1}


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("after", [0, 1, 65_536, 200_000, BIG - 1])
def test_cut_connection_is_resumed_where_it_ended(server, target, after, sized):
    server.cut("big.bin", after)
    run(server, target, "big.bin", sized=sized)
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    # urllib3 drops the chunk that did not become whole
    kept = after - after % fetch.transfer._CHUNK
    assert server.ranges_of("big.bin") == [None, f"bytes={kept}-" if kept else None]


def test_cut_twice_goes_on_twice(server, target):
    server.cut("big.bin", 65_536)
    server.cut("big.bin", 49_152)
    run(server, target, "big.bin")
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    assert server.ranges_of("big.bin") == [None, "bytes=65536-", "bytes=114688-"]


def test_what_a_failed_run_received_serves_the_next(server, target):
    server.cut("big.bin", 98_304)
    with pytest.raises(FetchError, match="the 98304 bytes that came are kept"):
        run(server, target, "big.bin", waits=())
    assert tree(target) == {"big.bin.part": RELEASE["big.bin"][:98_304]}
    run(server, target, "big.bin")
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    assert server.ranges_of("big.bin") == [None, "bytes=98304-"]


def test_server_without_ranges_starts_again(server, target):
    server.ranges = False
    server.cut("big.bin", 98_304)
    run(server, target, "big.bin")
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    assert server.ranges_of("big.bin") == [None, "bytes=98304-"]


@pytest.mark.parametrize("sized", [True, False])
def test_wrong_partial_file_is_thrown_away_once(server, target, sized):
    put(target / "big.bin.part", b"\0" * 1000)
    run(server, target, "big.bin", sized=sized)
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    assert server.ranges_of("big.bin") == ["bytes=1000-", None]


@pytest.mark.parametrize(("sized", "ranges"), [(True, [None]), (False, ["bytes=300005-", None])])
def test_partial_file_longer_than_the_file_is_thrown_away(server, target, sized, ranges):
    put(target / "big.bin.part", RELEASE["big.bin"] + b"extra")
    run(server, target, "big.bin", sized=sized)
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    assert server.ranges_of("big.bin") == ranges


@pytest.mark.parametrize(("sized", "ranges"), [(True, []), (False, [f"bytes={BIG}-"])])
def test_partial_file_that_is_whole_is_taken_as_it_is(server, target, sized, ranges):
    put(target / "big.bin.part", RELEASE["big.bin"])
    run(server, target, "big.bin", sized=sized)
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    assert server.ranges_of("big.bin") == ranges


@pytest.mark.parametrize(("partial", "ranges"), [(b"", [None]), (b"\0" * 9, ["bytes=9-", None])])
def test_altered_file_is_refused_and_nothing_kept(server, target, partial, ranges):
    altered = bytes([RELEASE["big.bin"][0] ^ 1]) + RELEASE["big.bin"][1:]
    server.alter("big.bin", altered)
    if partial:
        put(target / "big.bin.part", partial)
    with pytest.raises(FetchError) as caught:
        run(server, target, "big.bin")
    for part in (f"{server.url}/big.bin", sha256(altered), sha256(RELEASE["big.bin"]), "--from"):
        assert part in str(caught.value)
    assert tree(target) == {}
    assert server.ranges_of("big.bin") == ranges


def test_damaged_file_stays_until_a_good_one_came(server, target):
    put(target / "big.bin", b"damaged")
    server.alter("big.bin", b"\0" * BIG)
    with pytest.raises(FetchError):
        run(server, target, "big.bin")
    assert tree(target) == {"big.bin": b"damaged"}


@pytest.mark.parametrize("content", [b"<html>please log in</html>", RELEASE["big.bin"] + b"!"])
@pytest.mark.parametrize("ranges", [True, False])
def test_file_of_another_size_is_refused_before_it_is_received(server, target, content, ranges):
    server.ranges = ranges
    server.alter("big.bin", content)
    put(target / "big.bin.part", RELEASE["big.bin"][:10])
    with pytest.raises(FetchError, match=f"offers {len(content)} bytes.*has {BIG}"):
        run(server, target, "big.bin")
    assert tree(target) == {"big.bin.part": RELEASE["big.bin"][:10]}  # it was good, and stays
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_final_refusals_are_not_repeated(server, target, status):
    server.answer("big.bin", status)
    with pytest.raises(
        FetchError, match=rf"big\.bin: the server answered {status} .*made-up --from"
    ):
        run(server, target, "big.bin")
    assert len(server.requests) == 1
    assert tree(target) == {}


def test_file_that_is_not_there(server, target):
    file = fetch.RemoteFile(f"{server.url}/gone.bin", Path("gone.bin"), "0" * 64)
    with pytest.raises(FetchError, match="404 Not Found"):
        fetch.download(fetch.plan("made-up", [file], target), waits=NO_WAITS)
    assert server.counts() == {"gone.bin": 1}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_temporary_refusals_are_tried_again(server, target, status):
    server.answer("big.bin", status, status)
    run(server, target, "big.bin")
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    assert len(server.requests) == 3


def test_attempts_end(server, target):
    server.answer("big.bin", *[503] * 9)
    with pytest.raises(FetchError, match="503 Service Unavailable, also after 3 more attempts"):
        run(server, target, "big.bin")
    assert len(server.requests) == 4
    assert tree(target) == {}


def test_unreachable_server(target):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    file = fetch.RemoteFile(f"http://127.0.0.1:{port}/x", Path("x"), "0" * 64)
    with pytest.raises(FetchError, match=r"the connection failed .* 3 more attempts"):
        fetch.download(fetch.plan("made-up", [file], target), waits=NO_WAITS)
    assert tree(target) == {}


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "x", "http://"])
def test_address_that_is_none(target, url):
    file = fetch.RemoteFile(url, Path("x"), "0" * 64)
    with pytest.raises(FetchError, match=r"expected an address that begins with https"):
        fetch.download(fetch.plan("made-up", [file], target), waits=NO_WAITS)


def recorded_waits(monkeypatch):
    """Let downloads record the seconds they wait instead of waiting."""
    waited = []

    class Event(threading.Event):
        def wait(self, timeout=None):
            waited.append(timeout)
            return self.is_set()

    monkeypatch.setattr(fetch.downloading, "threading", SimpleNamespace(Event=Event))
    return waited


def test_waits_grow(server, target, monkeypatch):
    waited = recorded_waits(monkeypatch)
    server.answer("big.bin", *[503] * len(fetch.downloading.WAITS))
    run(server, target, "big.bin", waits=None)
    assert waited == list(fetch.downloading.WAITS)
    assert waited == sorted(set(waited))


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("999999", fetch.asking.LONGEST_WAIT),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 1.0),
    ],
)
def test_server_may_ask_for_a_longer_wait(server, target, monkeypatch, asked, waited):
    found = recorded_waits(monkeypatch)
    server.answer("big.bin", 429, headers={"Retry-After": asked})
    run(server, target, "big.bin", waits=(1.0,))
    assert found == [waited]


def test_one_failure_leaves_what_is_finished(server, target):
    server.answer("tables/labels.csv", 404)
    done = target / "tables/empty note.txt"
    original = server._handle

    def after_the_note(http):
        if "labels" in http.path:
            _wait_for(done.is_file)
        original(http)

    server._handle = after_the_note
    with pytest.raises(FetchError, match=r"labels\.csv"):
        run(server, target)
    left = tree(target)
    assert left["tables/empty note.txt"] == b"x"
    assert set(left) <= {"tables/empty note.txt", "big.bin", "big.bin.part"}
    run(server, target)
    assert tree(target) == RELEASE
    assert server.counts()["tables/empty note.txt"] == 1


@pytest.mark.parametrize("n_runs", [2, 4])
def test_simultaneous_downloads_share_the_work(server, target, n_runs, monkeypatch):
    move = shutil.move

    def slowly(*arguments, **options):
        time.sleep(0.3)  # whoever waits would find neither the part nor the file
        return move(*arguments, **options)

    monkeypatch.setattr(shutil, "move", slowly)
    barrier = threading.Barrier(n_runs)

    def one(_):
        plan = fetch.plan("made-up", remote(server), target)
        barrier.wait()
        return fetch.download(plan, waits=NO_WAITS)

    with ThreadPoolExecutor(n_runs) as pool:
        assert list(pool.map(one, range(n_runs))) == [target] * n_runs
    assert tree(target) == RELEASE
    assert server.counts() == dict.fromkeys(RELEASE, 1)


def test_folder_that_cannot_be_made(server, target):
    put(target, b"a file where the folder belongs")
    with pytest.raises(StoreError, match=r"cannot write .*big\.bin.*HESCHL_HOME"):
        run(server, target, "big.bin")
    assert target.read_bytes() == b"a file where the folder belongs"


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
def test_disk_that_is_full(server, target):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
    try:
        with pytest.raises(StoreError, match="Free some space"):
            run(server, target, "big.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    (left,) = tree(target)
    assert left == "big.bin.part"
    run(server, target, "big.bin")
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    assert server.ranges_of("big.bin")[1] is not None


# offline


@pytest.mark.parametrize("value", ["1", "true", "yes", "no"])
def test_offline_says_what_is_missing_and_asks_no_one(server, target, monkeypatch, value):
    monkeypatch.setenv("HESCHL_OFFLINE", value)
    with pytest.raises(OfflineError) as caught:
        run(server, target)
    expected = ("big.bin", str(target), f"{server.url}/big.bin", "HESCHL_OFFLINE")
    for part in (*expected, "heschl fetch made-up --from PATH", "3 missing"):
        assert part in str(caught.value)
    assert server.requests == []
    assert not target.exists()


@pytest.mark.parametrize("value", ["", "0"])
def test_offline_switch_is_off(server, target, monkeypatch, value):
    monkeypatch.setenv("HESCHL_OFFLINE", value)
    run(server, target)
    assert tree(target) == RELEASE


def test_offline_is_content_with_what_is_there(server, target, monkeypatch):
    run(server, target)
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    assert run(server, target) == target


# interrupted


def _wait_for(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a thread are POSIX")
def test_ctrl_c_leaves_parts_that_are_resumed(server, target):
    part = target / "big.bin.part"

    def press_ctrl_c():
        _wait_for((target / "tables/labels.csv").is_file)
        _wait_for((target / "tables/empty note.txt").is_file)
        _wait_for(lambda: part.stat().st_size >= 65_536)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    server.cut("big.bin", 200_000, then=press_ctrl_c)
    # a test run in the background of a shell script has inherited deafness to SIGINT
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(server, target, waits=(60.0,))
    finally:
        signal.signal(signal.SIGINT, before)
    received = part.stat().st_size
    assert 65_536 <= received <= 200_000
    assert tree(target) == {
        "big.bin.part": RELEASE["big.bin"][:received],
        "tables/labels.csv": RELEASE["tables/labels.csv"],
        "tables/empty note.txt": RELEASE["tables/empty note.txt"],
    }
    run(server, target)
    assert tree(target) == RELEASE
    assert server.ranges_of("big.bin") == [None, f"bytes={received}-"]
    assert server.counts()["tables/labels.csv"] == 1


@contextlib.contextmanager
def interrupted_bar(label, total, unit, *, show=True):
    def advance(steps=1, /):
        raise KeyboardInterrupt

    yield advance


def test_interruption_while_progress_is_shown(server, target, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(fetch.downloading, "bar", interrupted_bar)
        with pytest.raises(KeyboardInterrupt):
            run(server, target, "big.bin")
    (left,) = tree(target)
    assert left == "big.bin.part"
    received = (target / left).stat().st_size
    assert 0 < received < BIG
    run(server, target, "big.bin")
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    assert server.ranges_of("big.bin")[-1] == f"bytes={received}-"


HOLD = """
import fcntl, sys, time
with open(sys.argv[1], "ab") as part:
    fcntl.flock(part, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no claims on Windows")
def test_another_process_is_waited_for_until_it_dies(server, target):
    part = target / "big.bin.part"
    put(part, RELEASE["big.bin"][:1000])
    held = subprocess.Popen([sys.executable, "-c", HOLD, str(part)], stdout=subprocess.PIPE)
    with held, ThreadPoolExecutor(1) as pool:
        assert held.stdout.readline() == b"held\n"
        running = pool.submit(run, server, target, "big.bin")
        with pytest.raises(TimeoutError):
            running.result(timeout=0.5)
        assert server.requests == []
        held.kill()
        assert running.result() == target
    assert tree(target) == {"big.bin": RELEASE["big.bin"]}
    assert server.ranges_of("big.bin") == ["bytes=1000-"]


# progress


def recorded_bar(monkeypatch):
    seen = SimpleNamespace(steps=0.0, total=None, unit=None, label=None, show=None)

    @contextlib.contextmanager
    def bar(label, total, unit, *, show=True):
        seen.label, seen.total, seen.unit, seen.show = label, total, unit, show

        def advance(steps=1, /):
            seen.steps += steps

        yield advance

    monkeypatch.setattr(fetch.downloading, "bar", bar)
    return seen


@pytest.mark.parametrize("ranges", [True, False])
def test_progress_ends_at_its_total_whatever_happens(server, target, monkeypatch, ranges):
    seen = recorded_bar(monkeypatch)
    put(target / "big.bin.part", b"\0" * 1000)
    server.ranges = ranges
    server.cut("big.bin", 50_000)
    run(server, target)
    assert (seen.unit, seen.show, seen.label) == ("MB", True, "Downloading made-up")
    assert seen.total == (sum(map(len, RELEASE.values())) - 1000) / 1e6
    assert seen.steps == pytest.approx(seen.total, abs=1e-9)


def test_progress_counts_files_where_sizes_are_unknown(server, target, monkeypatch):
    seen = recorded_bar(monkeypatch)
    server.cut("big.bin", 50_000)
    run(server, target, sized=False)
    assert (seen.unit, seen.total, seen.steps) == ("files", 3, 3)
