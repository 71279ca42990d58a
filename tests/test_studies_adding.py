"""Results of others in a study: what is checked before they are believed."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import heschl
import small_study
from heschl.errors import DamagedEntryError, InputError
from heschl.results import Results
from heschl.studies import Running, add_results, load_run, read_study, run_study

pytestmark = pytest.mark.filterwarnings("ignore::heschl.errors.HeschlWarning")
QUIET = Running(show_progress=False, n_jobs=1)
OPTIONS = {"n_bootstrap": 100, "show_progress": False, "n_jobs": 1}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A study of one model, and results of another by itself, on the same brain and task."""
    place = tmp_path_factory.mktemp("parts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HESCHL_HOME", str(place / "home"))
        path = small_study.write(place)
        path.write_text(path.read_text().replace("[melspectrogram, cochleagram]", "[cochleagram]"))
        run_study(read_study(path), place / "study", how=QUIET)
        heschl.score("melspectrogram", "synthetic", **OPTIONS).save(place / "theirs" / "brain")
        probed = heschl.probe("melspectrogram", "synthetic-tones", protocol="linear", **OPTIONS)
        probed.save(place / "theirs" / "task")
        alike = heschl.score("melspectrogram", "synthetic", metric="rsa", **OPTIONS)
        alike.save(place / "theirs" / "rsa")
    return place


@pytest.fixture
def study(parts, tmp_path):
    return Path(shutil.copytree(parts / "study", tmp_path / "study"))


def altered(run: Path, folder: Path, change) -> Path:
    """Save a run with something changed, as somebody would who writes whole results."""
    results = change(Results.load(run))
    return results.save(folder)


def with_record(results: Results, **changes) -> Results:
    """Change the record of every score: a dotted key and its new value."""
    records = json.loads(json.dumps({k: dict(v) for k, v in results.provenance.items()}))
    for record in records.values():
        for path, value in changes.items():
            *above, last = path.split("__")
            place = record
            for key in above:
                place = place[key]
            place[last] = value
    return replace(results, provenance=records)


def test_what_fits_is_added_and_ranked_with_the_others(parts, study):
    add_results(study, parts / "theirs")
    scores = pd.read_csv(study / "scores.csv")
    assert list(dict.fromkeys(scores["model"])) == ["cochleagram", "melspectrogram"]
    theirs = Results.load(parts / "theirs" / "brain").scores
    mine = scores[(scores["model"] == "melspectrogram") & (scores["metric"] == "regression")]
    assert mine["value"].tolist() == theirs["value"].tolist()
    overall = pd.read_csv(study / "tables" / "models.csv")["overall"]
    assert overall.tolist() == pytest.approx([overall[0], -overall[0]])
    assert load_run(study).added[0]["source"] == "theirs"


def test_they_stay_when_the_study_goes_on(parts, study):
    add_results(study, parts / "theirs")
    before = small_study.tables(study)
    run_study(read_study(parts / "small.yaml"), study, how=QUIET)
    assert small_study.tables(study) == before


@pytest.mark.parametrize("inside", ["", "my-results/"])
def test_archives(parts, study, tmp_path, inside):
    archive = tmp_path / "theirs.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(parts / "theirs" / "brain", f"{inside}brain")
    add_results(study, archive)
    assert "melspectrogram" in set(pd.read_csv(study / "scores.csv")["model"])


def test_a_whole_study_is_added(parts, study, tmp_path):
    path = small_study.write(tmp_path)
    path.write_text(path.read_text().replace("[melspectrogram, cochleagram]", "[melspectrogram]"))
    run_study(read_study(path), tmp_path / "theirs", how=QUIET)
    add_results(study, tmp_path / "theirs")
    values = pd.read_csv(study / "tables" / "values.csv")
    assert set(values["model"]) == {"cochleagram", "melspectrogram"}


def test_two_protocol_versions_are_not_merged(parts, study, tmp_path):
    run = altered(
        parts / "theirs" / "brain",
        tmp_path / "old",
        lambda results: with_record(results, protocol__version=0),
    )
    with pytest.raises(InputError, match="pepino2025 with version 0 instead of 1"):
        add_results(study, run)
    assert set(pd.read_csv(study / "scores.csv")["model"]) == {"cochleagram"}, "nothing changed"


@pytest.mark.parametrize(
    ("part", "changes", "expected"),
    [
        ("brain", {"protocol__alphas": [1.0]}, r"alphas \[1.0\] instead of"),
        ("brain", {"dataset__responses_sha256": "0" * 64}, "responses_sha256 is 0000"),
        ("brain", {"dataset__sounds_sha256": "0" * 64}, "sounds_sha256 is 0000"),
        ("brain", {"dataset__folds_sha256": "0" * 64}, "folds_sha256 is 0000"),
        ("brain", {"dataset__name": "elsewhere"}, "results on elsewhere .* the study has not"),
        ("task", {"task__labels_sha256": "0" * 64}, "labels_sha256 is 0000"),
        ("task", {"task__left_out": ["train/a.wav: damaged"]}, "left_out is"),
        ("task", {"protocol": {}}, "'name' is missing"),
    ],
)
def test_other_data_or_protocols_are_refused(parts, study, tmp_path, part, changes, expected):
    run = altered(
        parts / "theirs" / part, tmp_path / "other", lambda results: with_record(results, **changes)
    )
    with pytest.raises(InputError, match=expected):
        add_results(study, run)


@pytest.mark.parametrize(
    ("part", "scope"),
    [
        ("brain", "target"),
        ("brain", "listener"),
        ("brain", "dataset"),
        ("rsa", "listener"),
        ("rsa", "dataset"),
        ("task", "dataset"),
    ],
)
def test_scores_that_do_not_follow_from_their_predictions_are_refused(
    parts, study, tmp_path, part, scope
):
    def better(results: Results) -> Results:
        scores = results.scores.copy()
        row = scores.index[(scores["scope"] == scope) & (scores["unit"] != "r")][0]
        scores.loc[row, "value"] += 0.001
        return replace(results, scores=scores)

    run = altered(parts / "theirs" / part, tmp_path / "better", better)
    with pytest.raises(InputError, match="its own predictions give"):
        add_results(study, run)


def test_predictions_of_other_responses_are_refused(parts, study, tmp_path):
    def other(results: Results) -> Results:
        detail = results.details[0]
        measured = detail.predicted.copy()  # perfect, and of nothing
        return replace(results, details=(replace(detail, measured=measured),))

    run = altered(parts / "theirs" / "brain", tmp_path / "other", other)
    with pytest.raises(InputError, match="other responses than those of the study"):
        add_results(study, run)


def test_a_model_that_is_there_is_not_added_twice(parts, study):
    add_results(study, parts / "theirs")
    with pytest.raises(InputError, match=r"scores of melspectrogram on synthetic .* already"):
        add_results(study, parts / "theirs" / "brain")


def test_an_altered_file_is_refused(parts, study, tmp_path):
    run = Path(shutil.copytree(parts / "theirs" / "brain", tmp_path / "run"))
    (arrays,) = run.glob("detail-*.safetensors")
    content = bytearray(arrays.read_bytes())
    content[-1] ^= 1
    arrays.write_bytes(content)
    with pytest.raises(DamagedEntryError):
        add_results(study, run)


def test_what_is_no_result(study, tmp_path):
    with pytest.raises(InputError, match="no folder and no tar archive"):
        add_results(study, tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no results here"):
        add_results(study, tmp_path / "empty")
    with pytest.raises(InputError, match="no study here"):
        add_results(tmp_path / "empty", study)


def hostile(kind: str, path: Path) -> Path:
    archive = path / f"{kind}.tar"
    with tarfile.open(archive, "w") as tar:
        info = tarfile.TarInfo("run/results.json")
        if kind == "traversal":
            info.name = "../../escaped.json"
        elif kind == "absolute":
            info.name = str(path / "escaped.json")
        elif kind == "link":
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        elif kind == "device":
            info.type = tarfile.CHRTYPE
        content = b"{}"
        info.size = len(content) if info.isreg() else 0
        tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return archive


@pytest.mark.parametrize("kind", ["traversal", "absolute", "link", "device"])
def test_hostile_archives(study, tmp_path, kind):
    with pytest.raises(InputError):
        add_results(study, hostile(kind, tmp_path))
    assert not list(tmp_path.rglob("escaped.json"))


def test_an_archive_cut_short(parts, study, tmp_path):
    archive = tmp_path / "theirs.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(parts / "theirs" / "brain", "brain")
    archive.write_bytes(archive.read_bytes()[:3000])
    with pytest.raises(InputError, match="cut short"):
        add_results(study, archive)


def test_a_lying_size_is_refused_before_it_is_written(study, tmp_path):
    archive = tmp_path / "large.tar"
    info = tarfile.TarInfo("run/results.json")
    info.size = 30_000_000_000
    archive.write_bytes(info.tobuf() + b"\0" * 1024)
    with pytest.raises(InputError, match="more than"):
        add_results(study, archive)


def test_no_model_has_nan_that_passes_for_a_score(parts, study, tmp_path):
    def holes(results: Results) -> Results:
        detail = results.details[0]
        predicted = detail.predicted.copy()
        predicted[:, 0] = np.nan
        return replace(results, details=(replace(detail, predicted=predicted),))

    run = altered(parts / "theirs" / "brain", tmp_path / "holes", holes)
    with pytest.raises(InputError, match="its own predictions give"):
        add_results(study, run)
