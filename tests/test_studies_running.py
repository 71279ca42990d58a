"""Studies carried out: the tables, what fails, what is there already, and every interruption."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import heschl
import small_study
from heschl.errors import InputError, UnknownNameError, UsageError
from heschl.models import facts
from heschl.results import Results
from heschl.studies import Running, load_run, plan_study, read_study, run_study
from heschl.studies import desk as desk_module
from heschl.studies import lazy as lazy_module

#: One of the models takes 20 kHz, the sounds of the task have 16.
pytestmark = pytest.mark.filterwarnings("ignore::heschl.errors.HeschlWarning")
QUIET = Running(show_progress=False, n_jobs=1)


def run(path: Path, folder: Path, **options):
    return run_study(read_study(path), folder, how=QUIET, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that was run once, uninterrupted: its file, its folder, the seconds it took."""
    place = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HESCHL_HOME", str(place / "home"))
        path = small_study.write(place)
        began = time.perf_counter()
        run(path, place / "out")
        return path, place / "out", time.perf_counter() - began


@pytest.fixture
def done(whole, tmp_path):
    """A copy of its folder."""
    path, out, _ = whole
    return path, Path(shutil.copytree(out, tmp_path / "out"))


def test_tables_are_those_of_the_single_commands(whole):
    _, out, _ = whole
    scores = pd.read_csv(out / "scores.csv")
    parts = [
        heschl.score(model, "synthetic", metric=metric, n_bootstrap=100, show_progress=False)
        for model in ("melspectrogram", "cochleagram")
        for metric in ("regression", "rsa")
    ]
    alone = pd.concat([part.scores for part in parts])
    mine = scores[scores["metric"] != "probe"]
    # layer profiles do not change a score
    assert mine["value"].tolist() == alone["value"].tolist()
    assert mine["low"].fillna(9).tolist() == alone["low"].fillna(9).tolist()
    task = heschl.probe(
        "cochleagram", "synthetic-tones", protocol="linear", n_bootstrap=100, show_progress=False
    )
    probed = scores[(scores["metric"] == "probe") & (scores["model"] == "cochleagram")]
    np.testing.assert_array_equal(probed["value"], task.scores["value"])
    records = json.loads((out / "provenance.json").read_text())
    assert set(scores["provenance"]) == set(records)


def test_the_index_says_what_is_there(whole):
    _, out, _ = whole
    index = load_run(out)
    assert index.done
    assert (index.n_steps, len(index.runs), index.failures) == (6, 6, ())
    assert set(index.models) == {"melspectrogram", "cochleagram"}
    measures = pd.read_csv(out / "tables" / "measures.csv")
    assert set(measures["kind"]) == {"task", "brain", "overall"}


def test_nothing_is_computed_twice(done, monkeypatch):
    path, out = done
    before = small_study.tables(out)

    def refuse(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr(desk_module, "score_activations", refuse)
    monkeypatch.setattr(desk_module, "probe_activations", refuse)
    monkeypatch.setattr(lazy_module, "load_model", refuse)
    run(path, out)
    assert small_study.tables(out) == before


@pytest.mark.parametrize(
    ("old", "new", "n_again"),
    [
        ("bootstrap: 100", "bootstrap: 200", 6),  # every interval
        ("layer_profiles: false", "layer_profiles: true", 4),  # brains
        ("title: Two quick models", "title: Another", 0),
    ],
)
def test_what_changed_is_computed_again_and_nothing_else(
    whole, tmp_path, monkeypatch, old, new, n_again
):
    path, _, _ = whole
    out = Path(shutil.copytree(whole[1], tmp_path / "out"))
    text = path.read_text()
    assert old in text
    (tmp_path / "small.yaml").write_text(text.replace(old, new))
    monkeypatch.setenv("HESCHL_HOME", str(path.parent / "home"))  # activations are there
    found = []
    for name in ("score_activations", "probe_activations"):
        original = getattr(desk_module, name)
        monkeypatch.setattr(
            desk_module,
            name,
            lambda *a, original=original, **k: found.append(1) or original(*a, **k),
        )
    index = run(tmp_path / "small.yaml", out)
    assert len(found) == n_again
    assert index.done


def test_a_damaged_result_is_computed_again(done):
    path, out = done
    before = small_study.tables(out)
    name = load_run(out).runs[1]
    (out / "runs" / name / "results.json").write_text("{")
    run(path, out)
    assert small_study.tables(out) == before


def test_one_failure_never_takes_the_rest_down(tmp_path):
    (tmp_path / "quick_models.py").write_text(small_study.MODELS)
    text = """\
        study: failing
        title: Three of four fail
        models:
          - name: hear:missing_module_for_this_test
          - name: torch:quick_models:Nothing
            modules: .
          - name: torch:quick_models:leaves
            modules: .
          - cochleagram
        datasets: [synthetic]
        metrics: [rsa]
        bootstrap: 0
        """
    path = tmp_path / "failing.yaml"
    path.write_text("\n".join(line[8:] for line in text.splitlines()))
    index = run(path, tmp_path / "out")
    assert len(index.runs) == 1
    assert [failure.model for failure in index.failures] == [
        "hear:missing_module_for_this_test",
        "torch:quick_models:Nothing",
        "torch:quick_models:leaves",
    ]
    assert "no module" in index.failures[0].error
    assert "unknown function of module quick_models 'Nothing'" in index.failures[1].error
    assert index.failures[2].error == "SystemExit: no licence"
    table = pd.read_csv(tmp_path / "out" / "tables" / "failures.csv")
    assert table["error"].tolist() == [failure.error for failure in index.failures]
    assert set(Results.load(tmp_path / "out" / "runs" / index.runs[0]).scores["model"]) == {
        "cochleagram"
    }


def test_a_model_that_fails_in_the_middle_is_named_and_tried_again(tmp_path, monkeypatch):
    path = small_study.write(tmp_path)
    original, calls = desk_module.score_activations, []

    def fails_once(activations, *args, **options):
        calls.append(activations.provenance["model"])
        if len(calls) == 2:
            raise RuntimeError("no luck")
        return original(activations, *args, **options)

    monkeypatch.setattr(desk_module, "score_activations", fails_once)
    index = run(path, tmp_path / "out")
    assert [(one.model, one.metric, one.error) for one in index.failures] == [
        ("melspectrogram", "rsa", "RuntimeError: no luck")
    ]
    assert len(index.runs) == 5
    again = run(path, tmp_path / "out")
    assert again.done
    assert len(calls) == 5


def test_only_some_models(done, tmp_path):
    path, out = done
    index = run(path, tmp_path / "new", models=["cochleagram"])
    assert len(index.runs) == 3
    assert not index.done
    assert set(pd.read_csv(tmp_path / "new" / "scores.csv")["model"]) == {"cochleagram"}
    kept = run(path, out, models=["cochleagram"])
    assert kept.done, "what is there of the other model stays"


def test_a_model_that_the_file_does_not_name_is_refused(whole, tmp_path):
    path, _, _ = whole
    with pytest.raises(UnknownNameError, match="Did you mean: cochleagram"):
        run(path, tmp_path / "out", models=["cochleagrm"])
    assert not (tmp_path / "out").exists()


def test_what_was_there_stays_in_the_index_when_a_run_is_interrupted(done, tmp_path, monkeypatch):
    path, out = done
    before = load_run(out).runs
    new = tmp_path / "small.yaml"
    new.write_text(path.read_text().replace("bootstrap: 100", "bootstrap: 200"))

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(desk_module, "probe_activations", interrupt)  # the third step of six
    with pytest.raises(KeyboardInterrupt):
        run(new, out)
    index = load_run(out)
    assert len(index.runs) == 6
    assert [one == other for one, other in zip(index.runs, before, strict=True)] == [
        False, False, True, True, True, True,
    ]  # fmt: skip


def test_a_device_is_for_those_that_can_move(tmp_path):
    """Torch's device without values stands in for a GPU; what is no network stays on the CPU."""
    assert lazy_module.LazyModel("melspectrogram", "meta").get().device == "cpu"
    assert lazy_module.LazyModel("dcase2020@random:0", "meta").get().device == "meta"
    with pytest.raises(UsageError, match="expected a device"):
        lazy_module.LazyModel("dcase2020@random:0", "cuda:99").get()


@pytest.mark.parametrize("fails", [True, False])
def test_a_model_is_loaded_once_for_all_its_steps(tmp_path, fails):
    (tmp_path / "counted_models.py").write_text(
        "from pathlib import Path\nimport torch\n\n\n"
        "class Network(torch.nn.Module):\n    sample_rate = 16_000\n\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.layer = torch.nn.Conv1d(1, 4, 400, 400)\n\n"
        "    def forward(self, x):\n        return self.layer(x[:, None])\n\n\n"
        "def load(fails=False):\n"
        "    log = Path(__file__).parent / 'loads'\n"
        "    log.write_text((log.read_text() if log.exists() else '') + 'x')\n"
        "    if fails:\n        raise OSError('no weights')\n"
        "    torch.manual_seed(0)\n    return Network()\n\n\n"
        "def failing():\n    return load(True)\n"
    )
    path = tmp_path / "counted.yaml"
    function = "failing" if fails else "load"
    path.write_text(
        "study: counted\ntitle: t\nmodels:\n"
        f"  - {{name: 'torch:counted_models:{function}', modules: .}}\n"
        "datasets: [synthetic]\nbootstrap: 0\nlayer_profiles: false\n"
    )
    sys.modules.pop("counted_models", None)
    index = run(path, tmp_path / "out")
    assert (len(index.runs), len(index.failures)) == ((0, 2) if fails else (2, 0))
    assert all("no weights" in failure.error for failure in index.failures)
    assert (tmp_path / "loads").read_text() == "x"


def test_several_seeds_are_averaged(tmp_path):
    path = tmp_path / "seeds.yaml"
    path.write_text(
        "study: seeds\ntitle: t\nmodels: [melspectrogram]\ntasks: [synthetic-tones]\n"
        "probes: [linear]\nseeds: [0, 1]\nbootstrap: 0\n"
    )
    run(path, tmp_path / "out")
    values = pd.read_csv(tmp_path / "out" / "tables" / "values.csv")
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    whole = scores[(scores["scope"] == "dataset") & (scores["unit"] == "accuracy")]
    assert len(whole) == 2
    row = values[values["measure"] != "overall"].iloc[0]
    assert row["n_runs"] == 2
    assert row["value"] == pytest.approx(whole["value"].mean(), abs=1e-15)


def test_the_plan_says_what_is_there_and_changes_nothing(done, tmp_path):
    path, out = done
    file = read_study(path)
    plan = plan_study(file, tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    assert [one.state for one in plan.steps] == ["to do"] * 6
    assert plan.cost.seconds > 0
    assert plan.cost.memory > 1e8
    # one extraction for each model and data, of 4 bytes for each feature of each sound
    features = sum(facts(name).features for name in ("melspectrogram", "cochleagram"))
    assert sum(one.extraction.disk for one in plan.steps) == 4 * features * (80 + 300)
    # what is written is planned well
    written = [p for p in (out / "runs").rglob("*") if p.is_file()]
    planned = sum(one.analysis.disk for one in plan.steps)
    assert planned == pytest.approx(sum(p.stat().st_size for p in written), rel=0.15)
    assert plan.cost.memory == max(one.cost.memory for one in plan.steps)
    shutil.rmtree(out / "runs" / load_run(out).runs[0])
    states = [one.state for one in plan_study(file, out).steps]
    assert states == ["to do"] + ["there"] * 5


def test_the_plan_knows_what_cannot_be_done(tmp_path, monkeypatch):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    path = tmp_path / "far.yaml"
    path.write_text(
        "study: far\ntitle: t\nmodels: [vggish, melspectrogram]\ndatasets: [synthetic, nh2015]\n"
    )
    plan = plan_study(read_study(path), tmp_path / "out")
    cannot = plan.of("cannot be done")
    assert {(one.step.model, one.step.data) for one in cannot} == {
        ("vggish", "synthetic"),
        ("vggish", "nh2015"),
        ("melspectrogram", "nh2015"),
    }
    assert all("HESCHL_OFFLINE" in one.why for one in cannot)


def test_a_task_without_data_is_said_with_its_line(tmp_path):
    (tmp_path / "empty").mkdir()
    path = small_study.write(tmp_path, "")
    path.write_text(path.read_text().replace("[synthetic-tones]", "[./empty]"))
    index = run(path, tmp_path / "out")
    assert len(index.failures) == 2
    assert "empty" in index.failures[0].error
    assert len(index.runs) == 4


def _child(path: str, folder: str, home: str) -> None:
    import os

    os.environ["HESCHL_HOME"] = home
    run(Path(path), Path(folder))


@pytest.mark.enable_socket  # the server of processes is spoken to through a file that is a socket
def test_killed_at_twenty_random_points_it_ends_with_the_same_tables(whole, tmp_path):
    path, out, seconds = whole
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["test_studies_running"])
    rng = np.random.default_rng(6)
    home, folder = tmp_path / "home", tmp_path / "out"
    killed = 0
    for _ in range(200):
        process = context.Process(target=_child, args=(str(path), str(folder), str(home)))
        process.start()
        # most of what is left is done between two kills only if it is let run so long
        process.join(float(rng.uniform(0, seconds / 8)))
        if process.is_alive():
            process.kill()
            killed += 1
        process.join()
        if killed == 20:
            break
    assert killed == 20
    run_home = pytest.MonkeyPatch()
    run_home.setenv("HESCHL_HOME", str(home))
    try:
        run(path, folder)
    finally:
        run_home.undo()
    assert small_study.tables(folder) == small_study.tables(out)


def test_a_folder_that_cannot_be_one(tmp_path):
    path = small_study.write(tmp_path)
    text = path.read_text().replace("melspectrogram", "melspectogram")
    path.write_text(text)
    with pytest.raises(InputError, match="line 3: unknown model"):
        run(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
