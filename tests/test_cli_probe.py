"""``heschl probe`` as a user meets it, and what the other commands say of tasks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from heschl.cli import run
from heschl.results import Results
from heschl.tasks import TASKS

RATE = 16_000


def call(capsys, *arguments):
    """Exit code, standard output, standard error."""
    code = run([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def own_task(tmp_path):
    """A user's own small task in the HEAR layout: low or high noise, four folds."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "pitch-v1"
    for fold in range(4):
        name = f"fold0{fold}"
        (folder / str(RATE) / name).mkdir(parents=True)
        labels = {}
        for i in range(12):
            noise = 0.05 * rng.standard_normal(RATE // 4)
            low = np.cumsum(noise) / 20 if i % 2 else noise
            file = f"{name}-{i}.wav"
            soundfile.write(folder / str(RATE) / name / file, low, RATE, subtype="PCM_16")
            labels[file] = ["low" if i % 2 else "high"]
        (folder / f"{name}.json").write_text(json.dumps(labels))
    (folder / "labelvocabulary.csv").write_text("idx,label\n0,high\n1,low\n")
    metadata = {
        "task_name": "pitch",
        "version": "v1",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "presplit_kfold",
        "nfolds": 4,
        "sample_duration": 0.25,
        "evaluation": ["top1_acc", "mAP"],
    }
    (folder / "task_metadata.json").write_text(json.dumps(metadata))
    return folder


def test_probe_saves_prints_and_exports(capsys, tmp_path, own_task):
    place, rows = tmp_path / "run", tmp_path / "rows.json"
    code, out, err = call(
        capsys, "probe", "melspectrogram", "cochleagram", "--task", own_task,
        "--protocol", "linear", "--output", place, "--json", rows,
    )  # fmt: skip
    assert code == 0
    assert err.count("\n") == 1
    assert "pitch-v1: its clips are recorded at 16000 Hz, below the 20000 Hz" in err
    result = Results.load(place)
    overall = result.scores.query("scope == 'dataset' and unit == 'accuracy'")
    assert list(overall["model"]) == ["melspectrogram", "cochleagram"]
    assert (overall["value"] > 0.9).all()
    assert json.loads(rows.read_text()) == result.rows()
    assert "pitch-v1" in out
    assert "fold03" in out
    assert f"look at them: heschl report {place}" in out
    code, out, err = call(capsys, "report", place)
    assert (code, err) == (0, "")
    page = (place / "report.html").read_text()
    assert "heschl probe melspectrogram cochleagram --task pitch-v1 --protocol linear" in page
    assert "Hearing tasks" in page
    assert "Predicted against measured" not in page


def test_the_full_protocol_by_default(capsys, own_task):
    options = ("--json", "-", "--bootstrap", 0, "-q")
    code, out, _ = call(capsys, "probe", "melspectrogram", "--task", own_task, *options)
    assert code == 0
    rows = json.loads(out)
    assert {row["protocol"] for row in rows} == {"pepino2025"}
    assert rows[0]["value"] > 0.9
    assert rows[0]["low"] is None


def test_bad_clips_are_named_or_left_out(capsys, own_task, tmp_path):
    bad = own_task / str(RATE) / "fold01" / "fold01-5.wav"
    bad.write_bytes(bad.read_bytes()[:600])
    arguments = ("probe", "melspectrogram", "--task", own_task, "--protocol", "linear")
    code, _, err = call(capsys, *arguments)
    assert code == 1
    assert "fold01-5.wav" in err
    code, out, _ = call(capsys, *arguments, "--skip-bad", "--output", tmp_path / "run")
    assert code == 0
    assert "pitch-v1: 1 clips were left out: fold01/fold01-5.wav" in out
    (detail,) = Results.load(tmp_path / "run").probes
    assert len(detail.clips) == 47
    assert len(detail.left_out) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["melspectrogrm", "--task", "esc50"], 2, "Did you mean: melspectrogram"),
        (["melspectrogram", "--task", "esc5"], 2, "unknown task 'esc5'. Did you mean: esc50"),
        (["melspectrogram", "--task", "esc50", "nowhere/task"], 1, "nowhere/task: no such folder"),
        (["melspectrogram", "--task", "esc50", "--protocol", "mlp"], 2, "unknown protocol 'mlp'"),
        (["melspectrogram", "--task", "esc50", "--layers", "x"], 2, "unknown layer of melspec"),
        (["melspectrogram", "--task", "esc50", "--jobs", "0"], 2, "n_jobs is 0"),
        (
            ["melspectrogram", "--task", "synthetic-tones", "--bootstrap", "7"],
            2,
            "n_bootstrap is 7",
        ),
    ],
)
def test_wrong_requests(capsys, monkeypatch, arguments, code, message):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    found, out, err = call(capsys, "probe", *arguments)
    assert (found, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_task_that_is_not_here_says_what_it_takes(capsys, monkeypatch):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    code, out, err = call(capsys, "probe", "melspectrogram", "--task", "gtzan")
    assert (code, out) == (1, "")
    assert "heschl fetch gtzan --from PATH" in err
    code, out, err = call(capsys, "fetch", "gtzan", "--dry-run")
    assert (code, err) == (0, "")
    assert "1,000 clips, 8.3 hours of audio, about 2.9 GB unpacked" in out
    code, out, err = call(capsys, "info", "gtzan")
    assert (code, err) == (0, "")
    assert "no: gtzan" in out


def test_tasks_are_listed_and_told(capsys, own_task):
    code, out, _ = call(capsys, "list", "tasks", "--json")
    assert code == 0
    assert [one["name"] for one in json.loads(out)["tasks"]] == list(TASKS)
    code, out, _ = call(capsys, "list", "protocols")
    assert "linear (probe)" in out
    code, out, _ = call(capsys, "info", own_task, "--json")
    facts = json.loads(out)
    assert facts["rows"] == [{"class": "high", "clips": 24}, {"class": "low", "clips": 24}]
    assert facts["scores"] == "accuracy, mAP"
    assert facts["clips"] == "fold00 12, fold01 12, fold02 12, fold03 12"
    code, out, _ = call(capsys, "fetch", "synthetic-tones")
    assert out == "synthetic-tones is embedded in heschl: nothing to fetch\n"
