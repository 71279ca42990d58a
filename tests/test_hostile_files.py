"""Hostile files: each meets its reader in a box, and is refused without any harm.

What they are, and what each tries: `hostile`. What the runner notices is tested last.
"""

from __future__ import annotations

import os
import sys

import pytest

from heschl.errors import InputError
from hostile import archives, arrays, checkpoints, datasets, described, records, sounds
from hostile.case import SMALL, HostileFile, raw
from hostile.runner import Box, violations

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc of Linux")

MODULES = (archives, arrays, checkpoints, datasets, described, records, sounds)
FILES = [case for module in MODULES for case in module.FILES]


@pytest.fixture(scope="module")
def box():
    with Box("hostile.readers") as box:
        yield box


@pytest.mark.parametrize("case", FILES, ids=[case.name for case in FILES])
def test_refused_without_harm(box, tmp_path, case):
    assert violations(box, case, tmp_path) == []


def test_every_file_has_a_name_of_its_own():
    assert len({case.name for case in FILES}) == len(FILES) > 200
    assert all(case.tries for case in FILES)


# the runner itself: a reader that does something is noticed


@pytest.fixture(scope="module")
def careless():
    with Box("hostile.careless") as box:
        yield box


HARM = {
    "runs a pickle": ["canary", "pickle.find_class"],
    "runs a command": ["canary", "os.system"],
    "writes beside": ["created"],
    "writes far away": ["open"],
    "alters the file": ["altered"],
    "removes the file": ["removed"],
    "links out": ["linked"],
    "takes memory": ["took"],
    "runs out of memory": ["ran out of memory"],
    "sets the environment": ["changed: environment"],
    "leaves its folder": ["changed: folder"],
    "raises something else": ["ended with ValueError, not InputError"],
    "raises nothing": ["ended with None, not InputError"],
    "says something else": ["not 'expected words'"],
    "says too much": ["characters"],
    "says what a terminal obeys": ["a terminal may obey"],
    "asks the network": ["socket.connect"],
    "kills itself": ["ended with status"],
}


@pytest.mark.parametrize("reader", HARM)
def test_the_runner_notices(careless, tmp_path, reader):
    case = HostileFile("x", "x", reader, raw("x.bin", b"x"), InputError, "expected words", SMALL)
    found = violations(careless, case, tmp_path)
    for words in HARM[reader]:
        assert any(words in one for one in found), found


def test_the_runner_finds_nothing_where_nothing_is(careless, tmp_path):
    case = HostileFile("x", "x", "is careful", raw("x.bin", b"x"), InputError, "expected words")
    before = dict(os.environ)
    assert violations(careless, case, tmp_path) == []
    assert dict(os.environ) == before
