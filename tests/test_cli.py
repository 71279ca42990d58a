"""The command line as a user meets it: output, files, exit codes, and answers to wrong input."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from heschl.brain import natsound165
from heschl.cli import run
from heschl.cli.parser import make_parser
from heschl.results import Results


def call(capsys, *arguments):
    """Exit code, standard output, standard error."""
    code = run([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def own_folder(tmp_path):
    """A user's own small dataset."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "mine"
    (folder / "sounds").mkdir(parents=True)
    lines = ["sound,a,b"]
    for i in range(15):
        x = 0.1 * rng.standard_normal(16_000)
        soundfile.write(folder / "sounds" / f"s{i:02d}.wav", x, 16_000, subtype="PCM_16")
        lines.append(f"s{i:02d},{rng.standard_normal():.6f},{rng.standard_normal():.6f}")
    (folder / "responses.csv").write_text("\n".join(lines))
    return folder


def test_help_of_every_command():
    parser = make_parser()
    assert "heschl demo" in parser.format_help()
    (action,) = [a for a in parser._actions if hasattr(a, "choices") and a.choices]
    known = {"list", "info", "fetch", "convert", "extract", "score", "probe", "compare"}
    known |= {"study", "worker", "pretrain", "dynamics", "report", "figures", "demo"}
    assert set(action.choices) == known
    for command in action.choices.values():
        assert "example:" in command.format_help()


def test_help_needs_nothing_heavy():
    code = (
        "import sys, heschl.cli.parser as p; p.make_parser().format_help();"
        "print([m for m in ('numpy', 'pandas', 'scipy', 'rich', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [[], ["scroe"], ["score", "cochleagram"], ["list", "sounds"]])
def test_wrong_use_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        run(arguments)
    assert stop.value.code == 2
    assert "usage: heschl" in capsys.readouterr().err


def test_list(capsys):
    code, out, _ = call(capsys, "list")
    assert code == 0
    for name in ("spectrotemporal", "natsound165", "synthetic", "pepino2025"):
        assert name in out
    code, out, _ = call(capsys, "list", "models", "--json")
    assert next(model["name"] for model in json.loads(out)["models"]) == "spectrotemporal"


def test_info(capsys):
    code, out, _ = call(capsys, "info", "spectrotemporal", "--json")
    assert code == 0
    content = json.loads(out)
    assert content["rows"] == [
        {
            "layer": "avgpool",
            "shape for 2 s": "111 x 211 x 1",
            "frames per s": "-",
            "features": 23_421,
            "pooling": "mean over frames",
        }
    ]
    for name, level in (("zerospeech", "peak 0.999"), ("cochcnn9-word", "rms 0.1, mean removed")):
        code, out, _ = call(capsys, "info", name, "--json")
        content = json.loads(out)
        assert content["level"] == level
    assert content["rows"][1]["frames per s"] == "about 65"  # 130 in the 2 s that it takes
    code, out, _ = call(capsys, "info", "synthetic")
    assert code == 0
    assert "80 of 2 s" in out
    code, _, err = call(capsys, "info", "sinthetic")
    assert code == 2
    assert "Did you mean: synthetic" in err


def test_score_saves_prints_and_exports(capsys, tmp_path, own_folder):
    run_folder, rows = tmp_path / "run", tmp_path / "rows.json"
    code, out, _ = call(
        capsys, "score", "melspectrogram", "cochleagram", "--dataset", own_folder,
        "--output", run_folder, "--json", rows,
    )  # fmt: skip
    assert code == 0
    assert "melspectrogram" in out
    saved = Results.load(run_folder)
    assert saved.rows() == json.loads(rows.read_text())
    assert list(saved.scores["model"].unique()) == ["melspectrogram", "cochleagram"]
    assert len((run_folder / "scores.csv").read_text().splitlines()) == len(saved.scores) + 1
    page = tmp_path / "page.html"
    code, out, err = call(capsys, "report", run_folder, "--output", page, "--dataset", own_folder)
    assert (code, err) == (0, "")
    assert out.strip() == str(page)
    assert "audio/mpeg" in page.read_text() or "data:audio" in page.read_text()
    code, out, err = call(capsys, "report", run_folder)
    assert code == 0
    assert "no players for mine: give its folder with --dataset" in err


def test_rows_on_standard_output(capsys, own_folder):
    code, out, _ = call(capsys, "score", "melspectrogram", "--dataset", own_folder, "--json", "-")
    assert code == 0
    rows = json.loads(out)
    assert {row["unit"] for row in rows} == {"r", "r2"}
    assert rows[0]["dataset"] == "mine"


def test_extract_to_a_file(capsys, tmp_path, own_folder):
    path = tmp_path / "activations.npz"
    code, out, _ = call(
        capsys, "extract", "melspectrogram", "--dataset", own_folder, "--output", path
    )
    assert code == 0
    assert "128" in out
    with np.load(path) as arrays:
        assert {k: v.shape for k, v in arrays.items()} == {"mel": (15, 128), "logmel": (15, 128)}
    code, _, err = call(
        capsys, "extract", "melspectrogram", "--dataset", own_folder, "--output", "x.txt"
    )
    assert code == 2
    assert "expected a file that ends in .npz" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["score", "spectrotempral", "--dataset", "synthetic"], 2, "Did you mean: spectrotemporal"),
        (["score", "cochleagram", "--dataset", "natsound"], 2, "Did you mean: natsound165"),
        (["score", "cochleagram", "--dataset", "./nowhere"], 1, "no such folder"),
        (["score", "cochleagram", "--dataset", "synthetic", "--metric", "rsaa"], 2, "metric"),
        (["score", "cochleagram", "--dataset", "synthetic", "--layers", "x"], 2, "unknown layer"),
        (["score", "cochleagram", "--dataset", "synthetic", "--jobs", "0"], 2, "n_jobs is 0"),
        (["fetch", "natsound166"], 2, "Did you mean: natsound165"),
        (["fetch", "natsound165", "--from", "nowhere"], 1, "nowhere"),
        (["report", "nowhere"], 1, "no results here"),
    ],
)
def test_wrong_names_and_values(capsys, heschl_home, arguments, code, message):
    home = list(heschl_home.iterdir())
    got, _, err = call(capsys, *arguments)
    assert got == code
    assert list(heschl_home.iterdir()) == home, "nothing was written"
    assert message in err
    assert err.startswith("heschl: ")
    assert "Traceback" not in err


def test_offline_says_how_to_go_on(capsys, monkeypatch):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    code, _, err = call(capsys, "score", "cochleagram", "--dataset", "natsound165")
    assert code == 1
    assert "heschl fetch natsound165 --from" in err


def test_no_network_is_said(capsys, monkeypatch):
    """Nothing listens there; the network beyond this machine is closed in tests."""
    monkeypatch.setattr(natsound165.release, "BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("heschl.fetch.downloading.WAITS", ())
    code, _, err = call(capsys, "fetch", "natsound165")
    assert code == 1
    assert "--from" in err


def test_fetch_of_what_is_embedded_and_dry_run(capsys):
    assert call(capsys, "fetch", "synthetic")[:2] == (
        0,
        "synthetic is embedded in heschl: nothing to fetch\n",
    )
    code, out, _ = call(capsys, "fetch", "natsound165", "--dry-run")
    assert code == 0
    assert "167 missing" in out


def damage(folder, what):
    path = folder / "sounds" / "s07.wav"
    if what == "missing":
        path.unlink()
    elif what == "corrupt":
        path.write_bytes(b"not a sound at all")
    elif what == "truncated":
        path.write_bytes(path.read_bytes()[:9000])
    elif what == "silent":
        soundfile.write(path, np.zeros(16_000), 16_000)
    elif what == "nan":
        soundfile.write(path, np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    elif what == "rows":
        table = (folder / "responses.csv").read_text().splitlines()
        (folder / "responses.csv").write_text("\n".join(table[:-1]))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing", "s07"),
        ("corrupt", "s07.wav: not a readable sound file"),
        ("truncated", "s07.wav: cut short"),
        ("silent", "s07: silent"),
        ("nan", "16000 samples are nan"),
        ("rows", "s14"),
    ],
)
def test_damaged_datasets(capsys, own_folder, heschl_home, what, message):
    damage(own_folder, what)
    code, out, err = call(capsys, "score", "cochleagram", "--dataset", own_folder)
    assert code == 1
    assert message in err
    assert out == ""
    assert not list(heschl_home.rglob("*.*")), "nothing was written"


def test_stereo_is_mixed_and_low_rates_are_warned_of(capsys, own_folder):
    path = own_folder / "sounds" / "s03.wav"
    x = 0.1 * np.random.default_rng(3).standard_normal((8000, 2))
    soundfile.write(path, x, 8000)
    code, _, err = call(capsys, "score", "melspectrogram", "--dataset", own_folder)
    assert code == 0
    assert "warning: 1 of 15 sounds are recorded at 8000 Hz" in err
    assert "above 4000 Hz it hears nothing" in err


def test_bad_folds(capsys, own_folder):
    names = [f"s{i:02d}" for i in range(15)]
    folds = [i % 3 if i % 3 != 1 else 3 for i in range(15)]
    table = "\n".join(f"{name},{fold}" for name, fold in zip(names, folds, strict=True))
    (own_folder / "sounds.csv").write_text("sound,fold\n" + table)
    code, _, err = call(capsys, "score", "melspectrogram", "--dataset", own_folder)
    assert code == 1
    assert "fold 1" in err


def test_demo_ends_with_the_path_of_a_report(capsys, tmp_path):
    code, out, _ = call(capsys, "demo", "--output", tmp_path / "demo")
    assert code == 0
    report = out.strip().splitlines()[-1]
    assert report == str(tmp_path / "demo" / "report.html")
    assert (tmp_path / "demo" / "report.html").stat().st_size > 100_000
    table = Results.load(tmp_path / "demo").scores
    everything = (table["scope"] == "dataset") & table["region"].isna() & (table["unit"] == "r2")
    whole = table[everything].set_index("model")["value"]
    assert whole["spectrotemporal"] > whole["cochleagram"] > whole["melspectrogram"] > 0.2
    assert (whole < 0.77).all(), "no model beats the true ceiling"
