"""Locks between processes: one works, others wait; what happens where there are none."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import threading
import time

import pytest

from heschl import locks
from heschl.errors import StoreError

fcntl = pytest.importorskip("fcntl", reason="locks of POSIX")

HOLDS = """\
import sys, time
from pathlib import Path
from heschl import locks

with locks.held(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds a lock until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "locks" / "one")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_others_wait_and_a_killed_process_holds_nothing(holder, tmp_path, caplog):
    path, order = tmp_path / "locks" / "one", []

    def wait():
        with locks.held(path, "the same") as alone:
            order.append(("held", alone))

    waiting = threading.Thread(target=wait)
    with caplog.at_level(logging.INFO, logger="heschl"):
        waiting.start()
        while "another process computes the same" not in caplog.text:
            time.sleep(0.01)
        time.sleep(3 * locks.POLL)  # looks at it again, and again
        order.append("still waiting" if waiting.is_alive() else "not waiting")
        holder.kill()
        waiting.join(60)
    assert order == ["still waiting", ("held", True)]
    assert path.read_bytes() == b"", "an empty file, which stays"


def test_another_place_is_free(holder, tmp_path, caplog):
    with (
        caplog.at_level(logging.INFO, logger="heschl"),
        locks.held(tmp_path / "locks" / "two", "another") as alone,
    ):
        assert alone
    assert caplog.text == ""


def test_it_is_free_again_after_an_error(tmp_path):
    with pytest.raises(ValueError, match="inside"), locks.held(tmp_path / "one", "it"):
        raise ValueError("inside")
    with locks.held(tmp_path / "one", "it") as alone:
        assert alone


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP])
def test_where_there_are_no_locks_nothing_waits(tmp_path, monkeypatch, number):
    def refuse(handle, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locks.held(tmp_path / "one", "it") as first, locks.held(tmp_path / "one", "it") as second:
        assert (first, second) == (False, False)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_what_goes_wrong_with_a_lock_is_told(tmp_path, monkeypatch, number):
    def refuse(handle, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(StoreError, match=os.strerror(number)) as error,
        locks.held(tmp_path / "one", "it"),
    ):
        pytest.fail("entered without a lock")
    assert error.value.__cause__.errno == number


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match=r"cannot write .*one: .*Free some space or choose"),
        locks.held(tmp_path / "file" / "one", "it"),
    ):
        pytest.fail("entered without a lock")
