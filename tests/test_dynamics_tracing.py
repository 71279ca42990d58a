"""Trajectories from checkpoints: what is measured, kept, measured again, and what fails."""

from __future__ import annotations

import argparse
import json
import shutil
from fractions import Fraction

import numpy as np
import pytest
import torch

import heschl
import small_encodecmae
import small_training
from heschl.cli.following import TraceIncompleteError, run_dynamics
from heschl.cli.parsing.following import add_dynamics
from heschl.dynamics import PUBLISHED, measure, measure_baselines, read_trajectory, trace
from heschl.dynamics import hub as hub_module
from heschl.dynamics import tracing as tracing_module
from heschl.errors import InputError, UnknownNameError, UsageError
from heschl.fetch import downloading
from heschl.models.encodecmae import configuration
from heschl.models.encodecmae.frontends import FRONT_ENDS
from heschl.models.encodecmae.model import build
from heschl.models.encodecmae.network import initialise
from loopback import Loopback

#: The sounds have less than the 24 kHz of the models.
pytestmark = pytest.mark.filterwarnings("ignore:.*are recorded at:heschl.errors.HeschlWarning")
OPTIONS = {"as_model": "encodecmae-base", "n_bootstrap": 0, "show_progress": False, "n_jobs": 1}


def write_checkpoint(path, seed):
    """A checkpoint of a tiny EnCodecMAE, as its training writes it."""
    torch.manual_seed(seed)
    config = configuration.Configuration(FRONT_ENDS["mel"](), dim=24, depth=2, hidden=16)
    network = build(config)
    initialise(network)
    torch.save({"state_dict": network.state_dict()}, path)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny run")
    for step in (0, 10, 20):
        write_checkpoint(folder / f"epoch=0-step={step}.ckpt", step)
    return folder


@pytest.fixture(scope="module")
def data():
    return small_training.components()


@pytest.fixture
def measured(monkeypatch):
    """Names of the models that were measured."""
    names = []
    real = tracing_module.measure
    monkeypatch.setattr(
        tracing_module,
        "measure",
        lambda model, *a, **o: names.append(model.name) or real(model, *a, **o),
    )
    return names


def test_every_checkpoint_is_measured_as_the_model_it_is(checkpoints, data, tmp_path):
    found = trace(checkpoints, data, output=tmp_path, **OPTIONS)
    assert (found.n_checkpoints, found.failures) == (3, ())
    assert found.trajectory.run == checkpoints.name
    assert found.trajectory.steps == (0, 10, 20)
    scores = read_trajectory(tmp_path).scores
    for step in (0, 20):
        model = heschl.load_model(f"encodecmae-base@file:{checkpoints}/epoch=0-step={step}.ckpt")
        expected = measure(model, data)
        ours = scores[scores["step"] == step]
        for column in ("metric", "layer", "layer_index", "target"):
            assert list(ours[column]) == list(expected[column])
        np.testing.assert_allclose(ours["value"], expected["value"], rtol=1e-5, atol=1e-7)
    assert set(scores["layer"]) == {"", "0", "1"}


def test_what_is_there_is_not_measured_again(checkpoints, data, tmp_path, measured):
    folder = shutil.copytree(checkpoints, tmp_path / "run")
    out = tmp_path / "out"
    first = trace(folder, data, output=out, **OPTIONS)
    assert len(measured) == 3
    measured.clear()
    again = trace(folder, data, output=out, **OPTIONS)
    assert measured == []
    assert again.trajectory.scores.equals(first.trajectory.scores)

    write_checkpoint(folder / "epoch=0-step=10.ckpt", 99)  # other weights
    write_checkpoint(folder / "epoch=0-step=30.ckpt", 30)  # a further one
    found = trace(folder, data, output=out, **OPTIONS)
    assert [name.rpartition("=")[2] for name in measured] == ["10.ckpt", "30.ckpt"]
    assert found.trajectory.steps == (0, 10, 20, 30)

    measured.clear()
    trace(folder, data, output=out, **(OPTIONS | {"layers": ["0"]}))  # other settings
    assert len(measured) == 4
    measured.clear()
    trace(folder, [data, small_training.voxels()], output=out, **OPTIONS)  # one dataset more
    assert len(measured) == 4


def test_damaged_rows_are_measured_again(checkpoints, data, tmp_path, measured):
    trace(checkpoints, data, output=tmp_path, **OPTIONS)
    measured.clear()
    rows = sorted((tmp_path / "measured").iterdir())
    rows[1].write_text("no table")
    trace(checkpoints, data, output=tmp_path, **OPTIONS)
    assert len(measured) == 1


def test_one_that_fails_does_not_take_the_others_down(checkpoints, data, tmp_path):
    folder = shutil.copytree(checkpoints, tmp_path / "run")
    good = (folder / "epoch=0-step=10.ckpt").read_bytes()
    (folder / "epoch=0-step=10.ckpt").write_bytes(good[: len(good) // 2])
    out = tmp_path / "out"
    found = trace(folder, data, output=out, **OPTIONS)
    assert found.trajectory.steps == (0, 20)
    assert [(one.step, one.name) for one in found.failures] == [(10, "epoch=0-step=10.ckpt")]
    kept = json.loads((out / "trajectory.json").read_text())["provenance"]["failures"]
    assert [one["step"] for one in kept] == [10]
    (folder / "epoch=0-step=10.ckpt").write_bytes(good)
    found = trace(folder, data, output=out, **OPTIONS)
    assert (found.trajectory.steps, found.failures) == ((0, 10, 20), ())


def test_all_that_fail(tmp_path, data):
    (tmp_path / "step-1.pt").write_bytes(b"nothing")
    found = trace(tmp_path, data, output=tmp_path / "out", **OPTIONS)
    assert found.trajectory is None
    assert len(found.failures) == 1


def test_checkpoints_of_lightning_are_converted(data, tmp_path, heschl_home):
    """They hold objects of the training; nothing of them is run, and the rows are the same."""
    described = small_encodecmae.config(heads=12)  # as published: they do not say it themselves
    tensors = small_encodecmae.state(described, seed=3)
    lightning = {
        "state_dict": tensors,
        "callbacks": {"ModelCheckpoint": Fraction(1, 2)},  # stands for any object
        "optimizer_states": [{"exp_avg": torch.zeros(4)}],
    }
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    torch.save(lightning, folder / "epoch=0-step=5.ckpt")
    plain = small_encodecmae.checkpoint(tmp_path / "plain" / "step-5.pt", described, seed=3)
    options = {"n_bootstrap": 0, "metrics": ["rsa"]}
    found = trace(folder, data, output=tmp_path / "out", **options).trajectory
    wanted = trace([plain], data, output=tmp_path / "other", **options).trajectory
    np.testing.assert_array_equal(found.scores["value"], wanted.scores["value"])
    assert not list((heschl_home / "scratch").iterdir())


def test_a_function_may_load(data, tmp_path):
    for step in (1, 2):
        torch.manual_seed(step)
        torch.save(small_training.Net().state_dict(), tmp_path / f"step-{step}.pt")

    def load(path):
        net = small_training.Net()
        net.load_state_dict(torch.load(path))
        return net

    options = OPTIONS | {"as_model": None, "load": load, "metrics": ["rsa"], "name": "nets"}
    found = trace(tmp_path, data, output=tmp_path / "out", **options)
    assert found.failures == ()
    assert found.trajectory.run == "nets"
    for step in (1, 2):
        expected = measure(heschl.wrap(load(tmp_path / f"step-{step}.pt")), data, metrics=["rsa"])
        ours = found.trajectory.scores.query("step == @step")["value"]
        np.testing.assert_allclose(ours, expected["value"], rtol=1e-5)


def test_wrong_use(checkpoints, data, tmp_path):
    with pytest.raises(UnknownNameError, match="encodecmae-bas"):
        trace(checkpoints, data, output=tmp_path, as_model="encodecmae-bas")
    with pytest.raises(UsageError, match="has no weights"):
        trace(checkpoints, data, output=tmp_path, as_model="melspectrogram")
    with pytest.raises(UsageError, match="expected one of them"):
        trace(checkpoints, data, output=tmp_path, as_model="encodecmae-base", load=print)
    with pytest.raises(UsageError, match="at least 100"):
        trace(checkpoints, data, output=tmp_path, n_bootstrap=3)
    with pytest.raises(UnknownNameError, match="unknown layer"):  # of every checkpoint
        trace(checkpoints, data, output=tmp_path / "layers", **OPTIONS, layers=["7"])
    trace(checkpoints, data, output=tmp_path, every=20, **OPTIONS)
    with pytest.raises(InputError, match="holds the trajectory of 'tiny run"):
        trace(checkpoints, data, output=tmp_path, name="other", **OPTIONS)


# checkpoints of the hub


@pytest.fixture
def server(checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr(hub_module, "WAITS", (0.0,))
    monkeypatch.setattr(downloading, "WAITS", (0.0,))
    root = tmp_path / "served"
    files = root / "lab" / "run" / "resolve" / "main" / "deep"
    shutil.copytree(checkpoints, files)
    with Loopback(root) as found:
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        listed = [
            {"type": "file", "path": f"deep/{path.name}", "size": path.stat().st_size}
            for path in files.iterdir()
        ]
        found.alter("api/models/lab/run/tree/main/deep", json.dumps(listed).encode())
        yield found


def test_one_checkpoint_of_the_hub_at_a_time(server, data, tmp_path, heschl_home, measured):
    on_disk = []
    hub = heschl_home / "models" / "hub"
    real = tracing_module.load_checkpoint

    def load(*args, **options):
        on_disk.append([path.name for path in hub.rglob("*.ckpt")])
        return real(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracing_module, "load_checkpoint", load)
        out = tmp_path / "out"
        found = trace("hf:lab/run/deep", data, output=out, keep=False, **OPTIONS)
        assert found.trajectory.steps == (0, 10, 20)
        assert on_disk == [[f"epoch=0-step={step}.ckpt"] for step in (0, 10, 20)]
        assert not list(hub.rglob("*.ckpt*"))
        n_requests = len(server.requests)
        trace("hf:lab/run/deep", data, output=out, keep=False, **OPTIONS)
    assert len(measured) == 3
    assert len(server.requests) == n_requests + 1  # the list alone


def test_the_published_trajectory_knows_its_architecture(server, data, tmp_path):
    repository = "lpepino/encodecmae-pretrained"
    _, _, folder = PUBLISHED["encodecmae-base-trajectory"].place.partition(f"{repository}/")
    served = server.folder / repository / "resolve" / "main" / folder
    served.mkdir(parents=True)
    write_checkpoint(served / "epoch=0-step=1000.ckpt", 1)
    listed = [{"type": "file", "path": f"{folder}/epoch=0-step=1000.ckpt"}]
    server.alter(f"api/models/{repository}/tree/main/{folder}", json.dumps(listed).encode())
    options = {"n_bootstrap": 0, "metrics": ["rsa"], "show_progress": False}
    found = trace(["encodecmae-base-trajectory"], data, output=tmp_path / "out", **options)
    assert found.failures == ()
    assert (found.trajectory.run, found.trajectory.steps) == ("encodecmae-base-trajectory", (1000,))


# baselines and the command line


def test_baselines_are_other_models_on_the_same_data(data, tmp_path, monkeypatch):
    found = measure_baselines(["melspectrogram"], data, tmp_path)
    expected = measure(heschl.load_model("melspectrogram"), data)
    assert list(found["value"]) == pytest.approx(list(expected["value"]))
    assert set(found["run"]) == {"melspectrogram"}
    monkeypatch.setattr("heschl.dynamics.baselines.measure", None)  # not called again
    again = measure_baselines(["melspectrogram"], data, tmp_path)
    assert again.equals(found)
    with pytest.raises(UsageError, match="expected a list"):
        measure_baselines("melspectrogram", data, tmp_path)


def parse(line):
    parser = argparse.ArgumentParser()
    add_dynamics(parser.add_subparsers())
    return parser.parse_args(line)


def test_the_command(checkpoints, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "heschl.report.write_dynamics_report", lambda folder: folder / "report.html", raising=False
    )
    folder = shutil.copytree(checkpoints, tmp_path / "run")
    data = small_training.components()
    monkeypatch.setattr("heschl.dynamics.prepared.load_dataset", lambda name: data)
    out = tmp_path / "out"
    line = ["dynamics", str(folder), "--dataset", "parts", "--as", "encodecmae-base"]
    line += ["--every", "20", "--bootstrap", "0", "--baseline", "melspectrogram", "-o", str(out)]
    run_dynamics(options := parse(line))
    printed = capsys.readouterr().out
    assert str(out / "report.html") in printed
    found = read_trajectory(out)
    assert found.steps == (0, 20)
    assert set(found.baselines["run"]) == {"melspectrogram"}
    (folder / "step-40.ckpt").write_bytes(b"damaged")
    with pytest.raises(TraceIncompleteError, match="1 of 3 checkpoints failed"):
        run_dynamics(options)
    assert "failed: step 40 (step-40.ckpt)" in capsys.readouterr().out
