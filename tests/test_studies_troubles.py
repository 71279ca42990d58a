"""What goes wrong with jobs, for real: which kind of trouble it is, and how it is told."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import requests

import heschl
from heschl import store
from heschl.cluster.remote import Order
from heschl.errors import FetchError, InputError, StoreError
from heschl.fetch.asking import Asking
from heschl.models.user.probing import users_code
from heschl.studies import Running
from heschl.studies.jobs import Attempt, Extracted, Job, Outcome, Trouble
from heschl.studies.troubles import FOR_A_WHILE, trouble_of
from loopback import Loopback


def caught(work, *expected):
    """Return what a piece of work raises."""
    with pytest.raises(expected) as error:
        work()
    return error.value


# for a while


def test_a_server_that_has_no_answer_for_ever_is_a_temporary_trouble(tmp_path):
    with Loopback(tmp_path) as server, requests.Session() as session:
        asking = Asking(session, (0.0, 0.0), threading.Event())
        server.answer("weights.bin", 503, 503, 503)

        def once():
            with asking.ask(f"{server.url}/weights.bin", {}, FetchError) as response:
                return response.content

        error = caught(lambda: asking.persist(once, FetchError), FetchError)
        assert server.counts()["weights.bin"] == 3
    trouble = trouble_of(error)
    assert trouble.kind == "temporary"
    assert "the server answered 503" in trouble.text


def test_a_file_that_is_not_there_for_good_is_a_lasting_trouble(tmp_path):
    with Loopback(tmp_path) as server, requests.Session() as session:
        asking = Asking(session, (0.0, 0.0), threading.Event())

        def once():
            with asking.ask(f"{server.url}/weights.bin", {}, FetchError):
                pass

        error = caught(lambda: asking.persist(once, FetchError), FetchError)
        assert server.counts()["weights.bin"] == 1
    assert trouble_of(error).kind == "lasting"


@pytest.mark.parametrize("number", sorted(FOR_A_WHILE))
def test_a_file_system_that_hangs_is_a_temporary_trouble(tmp_path, monkeypatch, number):
    """As the store tells it: the system's error is what it was raised from."""

    def stale(path, target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", stale)
    error = caught(lambda: store.write_text(tmp_path / "file", "text"), StoreError)
    trouble = trouble_of(error)
    assert trouble.kind == "temporary"
    assert os.strerror(number) in trouble.text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT])
def test_a_full_or_closed_disk_is_a_lasting_trouble(tmp_path, monkeypatch, number):
    def refuse(path, target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", refuse)
    error = caught(lambda: store.write_text(tmp_path / "file", "text"), StoreError)
    assert trouble_of(error).kind == "lasting"


# memory


def _numpy_asks_too_much():
    np.empty(1 << 60, np.uint8)


def _python_asks_too_much():
    bytearray(1 << 62)


def _torch_asks_too_much():
    import torch

    torch.empty(1 << 60, dtype=torch.uint8)


def _system_has_none():
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


@pytest.mark.parametrize(
    "work", [_numpy_asks_too_much, _python_asks_too_much, _torch_asks_too_much, _system_has_none]
)
def test_real_errors_of_memory(work):
    assert trouble_of(caught(work, MemoryError, RuntimeError, OSError)).kind == "memory"


def test_no_memory_in_a_users_code_is_no_mistake_of_it():
    def work():
        with users_code("running greedy"):
            _numpy_asks_too_much()

    error = caught(work, InputError)
    assert trouble_of(error).kind == "memory"
    assert "running greedy" in trouble_of(error).text


def test_the_error_of_a_gpu_is_known_by_its_class():
    torch = pytest.importorskip("torch")
    assert trouble_of(torch.OutOfMemoryError("CUDA out of memory")).kind == "memory"


_REFUSED = """\
import numpy as np
from heschl.cluster.remote import limit_memory
from heschl.studies.troubles import trouble_of

for limit in (1e12, 2e9):
    limit_memory(limit)
    np.empty(100_000_000, np.uint8)
    try:
        np.empty(3_000_000_000, np.uint8)
        print("enough")
    except MemoryError as error:
        print(trouble_of(error).kind)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs /proc of Linux")
def test_a_process_is_refused_memory_before_the_machine_has_none():
    """The system ends nothing: the error can be told."""
    command = [sys.executable, "-c", _REFUSED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    assert done.stdout == "enough\nmemory\n"


# for good


def test_a_users_mistake_is_a_lasting_trouble_that_says_where():
    def work():
        raise ValueError("no such thing")

    trouble = trouble_of(caught(work, ValueError))
    assert trouble.kind == "lasting"
    assert trouble.text == "ValueError: no such thing"
    assert "in work" in trouble.traceback


def test_an_error_of_ours_is_told_as_it_is():
    trouble = trouble_of(caught(lambda: heschl.load_dataset("nothing"), heschl.HeschlError))
    assert trouble.kind == "lasting"
    assert trouble.text.startswith("unknown dataset 'nothing'")


def test_causes_that_go_in_a_circle_come_to_an_end():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert trouble_of(first).kind == "lasting"
    first.__cause__ = first
    assert trouble_of(first).kind == "lasting"


# between processes


@pytest.mark.parametrize(
    "one",
    [
        Outcome("result-0123", warnings=("low rate",), seconds=1.5, where="here"),
        Outcome(trouble=Trouble("memory", "none left", "Traceback ...")),
        Outcome(Extracted({3: "name"}, frozenset({3}), {"": "key"}, "model", "cuda")),
        Attempt(2, Job((1,), "what", after=0), Extracted({}, frozenset()), 3, True),
        Order(Path("a.yaml"), "0123", Path("out"), Running("cpu", 2, 1), (("heschl", "1"),), "run"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_goes_between_processes_arrives_as_it_was(one):
    assert pickle.loads(pickle.dumps(one)) == one


def test_the_trouble_of_a_real_error_goes_between_processes():
    """Its error may not: a class of a user's module, or one that holds a lock."""

    class OwnError(Exception):
        def __init__(self):
            super().__init__("own")
            self.lock = threading.Lock()

    def work():
        raise OwnError

    error = caught(work, OwnError)
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(error)
    trouble = trouble_of(error)
    assert pickle.loads(pickle.dumps(trouble)) == trouble
    assert trouble.text == "OwnError: own"
