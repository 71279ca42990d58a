"""Progress bars: with a rate and the time left on a terminal, and nothing anywhere else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from heschl import progress

TERMINAL = {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm-256color", "COLUMNS": "100"}
SCRIPT = """
import time
from heschl import progress

progress.set_quiet({quiet})
with progress.bar({label!r}, 40, "sounds", show={show}) as advance:
    for _ in range(40):
        time.sleep({seconds})
        advance()
"""


def on_a_terminal(command):
    """Run a command whose standard error is a real (pseudo) terminal; return what it shows."""
    pty = pytest.importorskip("pty")
    master, terminal = pty.openpty()
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=terminal, env=os.environ | TERMINAL, text=True
    )
    os.close(terminal)
    shown = b""
    try:
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:  # Linux reports the end of a terminal this way
        pass
    os.close(master)
    child.stdout.read()
    child.stdout.close()
    assert child.wait(timeout=60) == 0, shown.decode()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def script(*, label="cochleagram", quiet=False, show=True, seconds=0.005):
    text = SCRIPT.format(label=label, quiet=quiet, show=show, seconds=seconds)
    return [sys.executable, "-c", text]


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_a_terminal_shows_the_count_the_rate_and_the_time_left():
    shown = on_a_terminal(script(seconds=0.04))
    counts = [int(n) for n in re.findall(r"cochleagram [^\r\n]* (\d+)/40 sounds", shown)]
    assert counts == sorted(counts)
    assert len(set(counts)) > 3
    assert counts[-1] == 40
    rates = [float(r) for r in re.findall(r"sounds, ([\d.]+)/s, left", shown)]
    assert rates
    assert all(1 < rate <= 25 for rate in rates)  # 40 ms a step, or more on a busy machine
    left = [int(m) * 60 + int(s) for m, s in re.findall(r"left 0:(\d\d):(\d\d)", shown)]
    assert left
    assert max(left) >= 1
    assert left[-1] == 0


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_a_label_is_shown_as_it_is():
    """The name of a user's model is no markup."""
    assert "net[/bold] [red]" in on_a_terminal(script(label="net[/bold] [red]"))


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
@pytest.mark.parametrize("options", [{"quiet": True}, {"show": False}])
def test_a_terminal_stays_empty_when_asked_to_be_quiet(options):
    assert on_a_terminal(script(**options)) == ""


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_the_command_line_shows_a_bar_unless_quiet(tmp_path):
    (tmp_path / "mine" / "sounds").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(6):
        x = 0.1 * rng.standard_normal(4000)
        soundfile.write(tmp_path / "mine" / "sounds" / f"s{i}.wav", x, 16_000)
    rows = [f"s{i},{rng.standard_normal()}" for i in range(6)]
    (tmp_path / "mine" / "responses.csv").write_text("\n".join(["sound,v", *rows]))
    command = [sys.executable, "-m", "heschl", "extract", "melspectrogram"]
    command += ["--dataset", str(tmp_path / "mine")]
    assert on_a_terminal([*command, "-q"]) == ""
    shutil.rmtree(os.environ["HESCHL_HOME"])
    assert re.search(r"melspectrogram [^\r\n]* \d/6 sounds, ", on_a_terminal(command))


def test_what_is_no_terminal_stays_empty():
    done = subprocess.run(
        script(), capture_output=True, env=os.environ | TERMINAL, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_within_a_program_without_a_terminal(capsys):
    with progress.bar("x", 3, "steps") as advance:
        advance()
        advance(2)
    assert capsys.readouterr() == ("", "")


def test_an_error_passes_through():
    def fail():
        with progress.bar("x", 3, "steps") as advance:
            advance()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
@pytest.mark.parametrize(("quiet", "show"), [(False, True), (True, True), (False, False)])
def test_a_line_is_said_where_a_bar_would_be(quiet, show):
    code = (
        f"from heschl import progress; progress.set_quiet({quiet}); "
        f"progress.say('3 of 24: cochleagram', show={show})"
    )
    shown = on_a_terminal([sys.executable, "-c", code])
    assert ("3 of 24: cochleagram" in shown) == (show and not quiet)


def test_nothing_is_said_away_from_a_terminal(capsys):
    progress.say("3 of 24: cochleagram")
    assert capsys.readouterr().err == ""
