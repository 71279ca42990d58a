"""The runner: gives each hostile file to a reader in the box, and says what was violated."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

#: Longer messages would fill a terminal; no error of heschl needs more.
LONGEST_MESSAGE = 2_000


class Box:
    """The process of `hostile.box`, while the ``with`` block runs.

    Parameters
    ----------
    readers : str
        The module with the readers.
    """

    def __init__(self, readers):
        tests = str(Path(__file__).resolve().parents[1])
        environment = {
            name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL")
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hostile.box", readers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tests,
            # one thread: their stacks would count as memory of the reader, and differ by machine
            env=environment | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def __enter__(self):
        assert self._answer() == "ready"
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def ask(self, **order):
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the box is gone")
        return json.loads(line)


def violations(box, case, place):
    """Make a file, let its reader read it, and list everything that should not have happened.

    Parameters
    ----------
    box : Box
    case : HostileFile
    place : Path
        An empty folder. In it: ``given``, with the file; ``own``, the only place where the reader
        may write; ``canary``, which code of the file would create.

    Returns
    -------
    list of str
        Empty if all is well.
    """
    given, own, canary = place / "given", place / "own", place / "canary"
    given.mkdir()
    own.mkdir()
    file = case.build(given, canary)
    before = snapshot(place, own)
    answer = box.ask(reader=case.reader, file=str(file), folder=str(own), memory=case.memory)
    after = snapshot(place, own)
    return [*_of_answer(answer, case), *_of_disk(before, after, own)]


def _of_answer(answer, case):
    if "broken" in answer:
        return [answer["broken"]]
    found = [f"what only code does: {one}" for one in answer["seen"]]
    found += [f"changed: {one}" for one in answer["changed"]]
    expected = None if case.error is None else case.error.__name__
    if answer["error"] != expected:
        found.append(f"ended with {answer['error']}, not {expected}: {answer['where']}")
    elif case.words not in answer["message"]:
        found.append(f"said {answer['message']!r}, not {case.words!r}")
    if answer["starved"]:  # without the limit of the box it would have taken more
        found.append("ran out of memory before it was refused")
    if answer["memory"] > case.memory:
        found.append(f"took {answer['memory']:,} bytes, more than {case.memory:,}")
    if len(answer["message"]) > LONGEST_MESSAGE:
        found.append(f"said {len(answer['message'])} characters")
    if not all(character.isprintable() or character in "\n" for character in answer["message"]):
        found.append(f"said what a terminal may obey: {answer['message']!r}")
    return found


def _of_disk(before, after, own):
    found = [f"created {path}" for path in sorted(after.keys() - before.keys())]
    found += [f"removed {path}" for path in sorted(before.keys() - after.keys())]
    found += [f"altered {path}" for path in sorted(before) if after.get(path) != before[path]]
    # what it wrote may be there, but must not lead out of its folder
    links = [path for path in own.rglob("*") if path.is_symlink()]
    return found + [f"linked {path} to {path.readlink()}" for path in links]


def snapshot(place, own):
    """What everything in a folder is, but for the reader's own."""
    found = {}
    for path in place.rglob("*"):
        if path.is_relative_to(own):
            continue
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file() and status.st_blocks * 512 < 1 << 24:
            content = _digest(path) if status.st_size < 1 << 24 else ""
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, content)
    return found


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
