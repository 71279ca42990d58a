"""What leaves heschl: no secrets of its user, no orders to terminals or spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import platform
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

import heschl
from heschl import cli
from heschl.cli import tables
from heschl.errors import HeschlError, InputError, UnknownNameError, printable, quoted
from heschl.report import write_report
from heschl.results import csv_text
from test_report import component_results

# what a terminal may be given


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain 模型 é ρ – 𝄞", "plain 模型 é ρ – 𝄞"),
        ("lines\nand\ttabs, wide\u00a0\u2003spaces", "lines\nand\ttabs, wide\u00a0\u2003spaces"),
        ("\x1b[2J\x1b]0;evil\x07", r"\x1b[2J\x1b]0;evil\x07"),
        ("over\rwritten\x08\x7f", r"over\rwritten\x08\x7f"),
        ("\x9b31m", r"\x9b31m"),
        ("gnp\u202eexe\u2066x\u200f", r"gnp\u202eexe\u2066x\u200f"),
        ("\u2028\u2029\ufeff\udcff", r"\u2028\u2029\ufeff\udcff"),
    ],
)
def test_printable(text, expected):
    assert printable(text) == expected


@pytest.mark.parametrize("kind", [HeschlError, InputError, UnknownNameError])
def test_errors_say_what_a_terminal_would_obey(kind):
    assert str(kind("a \x1b[2J 'b'")) == r"a \x1b[2J 'b'"
    assert kind("a\x1b").args == ("a\x1b",)


def test_what_libraries_say_is_short_and_on_one_line():
    assert quoted(ValueError("a\n\n  b")) == "a b"
    assert quoted(ValueError()) == "ValueError"
    assert len(quoted(ValueError("x" * 10_000))) == 203


def test_tables_and_errors_on_the_terminal(capsys):
    tables.show(("name", "value"), [("\x1b[2J[red]x", 1.0)], title="t")
    assert cli.run(["score", "no\x1b[2Jmodel", "--dataset", "synthetic"]) == 2
    out, error = capsys.readouterr()
    assert r"\x1b[2J[red]x" in out
    assert r"no\x1b[2Jmodel" in error
    assert "\x1b[2J" not in out + error


# what a spreadsheet may be given

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]
HARMLESS = ["a=1", "hf:org/name", "'=1", "", "encodecmae-base@random:0"]


def test_no_text_of_a_table_is_a_formula():
    names = FORMULAS + HARMLESS
    table = pd.DataFrame({"=model": names, "value": np.linspace(-1, 1, len(names))})
    rows = list(csv.reader(io.StringIO(csv_text(table), newline="")))
    assert rows[0] == ["'=model", "value"]
    assert [row[0] for row in rows[1:]] == [f"'{printable(one)}" for one in FORMULAS] + HARMLESS
    assert [float(row[1]) for row in rows[1:]] == table["value"].tolist()
    assert table["=model"].tolist() == names


def test_a_table_without_formulas_is_as_pandas_writes_it():
    scores = component_results().scores
    assert csv_text(scores) == scores.to_csv(index=False, lineterminator="\n")


def test_saved_scores_hold_no_formulas(tmp_path):
    results = component_results(model="=cmd|' /C calc'!A0")
    text = (results.save(tmp_path) / "scores.csv").read_text()
    assert "\n'=cmd" in text
    assert "\n=cmd" not in text
    assert heschl.results.Results.load(tmp_path).scores["model"][0] == "=cmd|' /C calc'!A0"


# what is given away with results


def own_dataset(folder):
    """A dataset of a user's, in a folder of a user's."""
    (folder / "sounds").mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ["sound,one"]
    for i in range(12):
        soundfile.write(folder / "sounds" / f"s{i:02d}.wav", 0.1 * rng.standard_normal(800), 8000)
        lines.append(f"s{i:02d},{rng.random()}")
    (folder / "responses.csv").write_text("\n".join(lines))
    return folder


class Mean:
    """A model of a user's own."""

    sample_rate = 8000

    def __call__(self, waveforms):
        frames = np.abs(waveforms[:, :700]).reshape(len(waveforms), 7, 100)
        return {"mean": frames.mean(2)[:, :, None]}


def test_results_hold_nothing_of_the_user(tmp_path, monkeypatch):
    """Of a model and a dataset of a user's own: no paths, names of people or machines, secrets."""
    home = tmp_path / "home" / "secret-user"
    dataset = own_dataset(home / "work" / "mine")
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "SOMETHING"):
        monkeypatch.setenv(name, f"secret-{name.lower()}")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", "secret-user")
    monkeypatch.setenv("HESCHL_HOME", str(home / "store"))
    monkeypatch.setattr(socket, "gethostname", lambda: "secret-host")
    monkeypatch.setattr(platform, "node", lambda: "secret-host")
    results = heschl.score(
        Mean(),
        str(dataset),
        n_bootstrap=0,
        show_progress=False,
        n_jobs=1,
    )
    run = results.save(tmp_path / "run")
    write_report(results, run / "report.html")
    for path in run.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert b"secret" not in content, path
        assert str(tmp_path).encode() not in content, path
    record = next(iter(results.provenance.values()))
    assert record["dataset"]["source"]["folder"] == "mine"
    known = {"heschl", "python", "numpy", "scipy", "machine"}
    assert set(record["environment"]) == known
    assert json.loads((run / "results.json").read_text())["provenance"]
    assert Path(run / "report.html").is_file()
