"""The box: a process that stands ready with heschl imported, and forks for every file.

Run as ``python -m hostile.box MODULE``: reads lines of JSON with a reader of that module, a file, a
folder and a limit; answers each with what happened. A fork costs milliseconds; importing heschl and
torch for every file would cost seconds.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

#: What a reader has no business doing, as Python tells its auditors.
FORBIDDEN = (
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.startfile", "subprocess.Popen"),
    *("pickle.find_class", "socket.connect", "socket.getaddrinfo", "socket.bind"),
)
#: What it may do in its own folder only.
CONFINED = (
    "os.chmod",
    "os.chown",
    "os.remove",
    "os.rename",
    "shutil.rmtree",
    "os.link",
    "os.symlink",
)
#: Seconds after which a reader counts as hung; nobody is told how long it took.
PATIENCE = 60


def serve(module: str) -> None:
    """Answer one line after the other until there are no more."""
    readers = importlib.import_module(module).READERS
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    answers.write('"ready"\n')
    answers.flush()
    for line in sys.stdin:
        order = json.loads(line)
        answers.write(f"{json.dumps(_in_fork(readers[order['reader']], order))}\n")
        answers.flush()
    os._exit(0)  # what libraries do at the end takes seconds, and nobody waits for it


def _in_fork(reader, order):
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        try:
            answer = _confined(reader, order)
        except BaseException:  # noqa: BLE001 - whatever it is, who asked has to know
            answer = {"broken": traceback.format_exc()}
        with os.fdopen(send, "w") as stream:
            json.dump(answer, stream)
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    if not text or status:
        return {"broken": f"the reader's process ended with status {status}: {text}"}
    return json.loads(text)


def _confined(reader, order):
    """Read the file with limits, in a folder of its own, and note what happens."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(PATIENCE)
    folder = Path(order["folder"])
    os.chdir(folder)
    os.environ |= {name: str(folder) for name in ("HOME", "HESCHL_HOME", "TMPDIR")}
    before = _state()
    _forget_peak()
    seen = []
    sys.addaudithook(lambda event, arguments: _watch(event, arguments, folder, seen))
    # RLIMIT_DATA counts what a process allocates (heap and private mappings), not the files and
    # libraries that it maps: mapping a checkpoint of any size is allowed, copying it is not.
    limit = _status("VmData") + order["memory"]
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resident = _status("VmHWM")
    answer = {"error": None, "message": "", "starved": False, "where": ""}
    try:
        reader(Path(order["file"]))
    except Exception as error:  # noqa: BLE001 - any is noted, and compared by who asked
        answer = {
            "error": type(error).__name__,
            "message": str(error),
            "starved": any(isinstance(one, MemoryError) for one in _causes(error)),
            "where": traceback.format_exc()[-2000:],
        }
    return answer | {
        "memory": _status("VmHWM") - resident,
        "seen": list(seen),
        "changed": [name for name, value in _state().items() if before[name] != value],
    }


def _causes(error):
    """The error, what it was raised from, and what was handled meanwhile."""
    found, left = [], [error]
    while left:
        one = left.pop()
        if one is not None and one not in found:
            found.append(one)
            left += [one.__cause__, one.__context__]
    return found


def _watch(event, arguments, folder, seen):
    writes = event in CONFINED
    if event == "open" and isinstance(arguments[2], int):
        writes = bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if event in FORBIDDEN or (writes and not _is_own(arguments[0], folder)):
        seen.append(f"{event} {arguments!r:.200}")


def _is_own(place, folder):
    """Whether a path, or an open file, is in a folder; nobody minds what is thrown away."""
    if isinstance(place, int):
        return True  # it was seen when it was opened
    path = Path(os.path.abspath(os.fsdecode(place)))  # noqa: PTH100 - links are not followed
    return path.is_relative_to(folder) or path == Path("/dev/null")


def _state():
    return {
        "environment": dict(os.environ),
        "path": list(sys.path),
        "folder": str(Path.cwd()),
        "mask": _mask(),
    }


def _mask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _forget_peak():
    """Let VmHWM begin again with what the process has now."""
    Path("/proc/self/clear_refs").write_text("5")


def _status(field):
    """Return a line of the process's status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) << 10
    raise RuntimeError(f"no {field} in the status of a process")


if __name__ == "__main__":
    serve(sys.argv[1])
