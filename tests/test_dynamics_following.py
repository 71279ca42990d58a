"""Alignment in a plain loop: when it measures, what it writes, and what happens when it cannot."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import heschl
import small_training
from heschl.dynamics import Alignment, measure, read_trajectory
from heschl.dynamics import following as following_module
from heschl.errors import (
    HeschlWarning,
    InputError,
    MissingDependencyError,
    UnknownNameError,
    UsageError,
)
from small_training import Net, assert_same, train


@pytest.fixture(scope="module")
def data():
    return small_training.components()


def follow(data, folder, **options):
    return Alignment(data, folder=folder, **({"every": 2, "metrics": ["rsa"]} | options))


def test_it_measures_at_the_right_steps_and_disturbs_nothing(data, tmp_path):
    plain, losses = train()
    with follow(data, tmp_path / "run") as alignment:
        watched, _ = train(alignment)
    assert_same(watched, plain)
    found = read_trajectory(tmp_path / "run")
    assert found.run == "run"
    assert found.steps == (0, 2, 4, 6)
    assert set(found.scores["run"]) == {"run"}
    assert list(found.losses["step"]) == [1, 2, 3, 4, 5, 6]
    assert list(found.losses["loss"]) == pytest.approx(losses)
    assert found.provenance["every"] == 2


def test_what_it_writes_is_what_measure_finds(data, tmp_path):
    kept = {}

    def loop(net, step, loss=None):
        alignment(net, step, loss)
        state = {key: value.clone() for key, value in net.state_dict().items()}
        kept[step] = state

    alignment = follow(data, tmp_path, metrics=["rsa", "regression"])
    train(loop, steps=2)
    scores = read_trajectory(tmp_path).scores
    for step in (0, 2):
        net = Net()
        net.load_state_dict(kept[step])
        expected = measure(heschl.wrap(net.eval(), name="x"), data)
        ours = scores[scores["step"] == step]
        assert list(ours["layer"]) == list(expected["layer"])
        np.testing.assert_allclose(ours["value"], expected["value"], rtol=1e-6, atol=1e-9)


def test_losses_are_written_at_measurements_and_at_the_end(data, tmp_path):
    net = Net()
    alignment = follow(data, tmp_path)
    alignment(net, 0)
    alignment(net, 1, torch.tensor(2.5, requires_grad=True), learning_rate=0.1)
    assert read_trajectory(tmp_path).losses is None
    alignment(net, 2, 1.5, learning_rate=0.2)
    alignment(net, 3, 1.0)
    assert list(read_trajectory(tmp_path).losses["loss"]) == [2.5, 1.5]
    alignment.close()
    losses = read_trajectory(tmp_path).losses
    assert list(losses["loss"]) == [2.5, 1.5, 1.0]
    assert list(losses["learning_rate"])[:2] == [0.1, 0.2]


def test_a_resumed_training_repeats_what_came_after_its_checkpoint(data, tmp_path):
    with follow(data, tmp_path, name="seed 1") as alignment:
        train(alignment, steps=6)
    before = read_trajectory(tmp_path)
    with follow(data, tmp_path, name="seed 1") as alignment:
        net = Net()
        for step in (3, 4):
            alignment(net, step, 9.0)
    found = read_trajectory(tmp_path)
    assert found.steps == (0, 2, 4)
    assert list(found.losses["step"]) == [1, 2, 3, 4]
    assert list(found.losses["loss"])[2:] == [9.0, 9.0]
    same = before.scores["step"] <= 2
    pd.testing.assert_frame_equal(before.scores[same], found.scores[found.scores["step"] <= 2])
    with pytest.raises(InputError, match="holds the trajectory of 'seed 1', this run is 'other'"):
        follow(data, tmp_path, name="other")


def test_models_of_every_kind(data, tmp_path):
    net = Net()
    wrapped = heschl.wrap(net.eval(), name="w")
    values = []
    for i, model in enumerate((net, wrapped, lambda: wrapped, lambda: net)):
        found = follow(data, tmp_path / str(i)).measure(model, 5)
        assert set(found["step"]) == {5}
        values.append(found["value"].to_numpy())
    for one in values[1:]:
        np.testing.assert_array_equal(one, values[0])


def test_a_module_is_wrapped_once(data, tmp_path, monkeypatch):
    calls = []
    real = heschl.wrap
    monkeypatch.setattr(
        "heschl.dynamics.models.wrap", lambda *a, **o: calls.append(a) or real(*a, **o)
    )
    train(follow(data, tmp_path, every=1), steps=3)
    assert len(calls) == 1


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # what compile imports
def test_what_is_put_around_a_module_is_left_out(data, tmp_path):
    """For compilation or several processes; it would also hide the sample rate."""
    net = Net()
    expected = follow(data, tmp_path / "bare").measure(net, 0)
    for i, around in enumerate((nn.DataParallel(net), torch.compile(nn.DataParallel(net)))):
        found = follow(data, tmp_path / str(i)).measure(around, 0)
        assert list(found["layer"]) == list(expected["layer"])
        np.testing.assert_array_equal(found["value"], expected["value"])


def test_a_network_behind_an_audio_model_is_left_training(data, tmp_path):
    net = Net()
    model = heschl.wrap(net, name="net")
    net.train()
    follow(data, tmp_path).measure(model, 0)
    assert all(part.training for part in net.modules())


def test_wrong_input_fails_before_training(data, tmp_path):
    for every in (0, -1, 2.5, True):
        with pytest.raises(UsageError, match="whole number of steps"):
            follow(data, tmp_path, every=every)
    with pytest.raises(UnknownNameError, match="natsounds"):
        follow("natsounds", tmp_path)
    with pytest.raises(UnknownNameError, match="unknown metric"):
        follow(data, tmp_path, metrics=["rda"])
    with pytest.raises(UsageError, match="no dataset"):
        follow([], tmp_path)
    with pytest.raises(UsageError, match="two datasets are named 'parts'"):
        follow([data, data], tmp_path)
    with pytest.raises(UsageError, match="sample rate"):
        follow(data, tmp_path).check(nn.Linear(3, 3))
    silent = nn.Identity()
    with pytest.raises(InputError, match="no tensor of real numbers"):
        follow(data, tmp_path, sample_rate=4000).check(silent)
    with pytest.raises(UnknownNameError, match="unknown layer"):
        follow(data, tmp_path, layers=["nowhere"]).check(Net())
    for model in (Net(), Net):  # a function that returns a module
        with pytest.raises(UsageError, match="stays where its weights are"):
            follow(data, tmp_path, device="cpu").check(model)
    divided = Net()
    divided.head.weight.ds_id = 3  # as DeepSpeed marks what it has divided
    with pytest.raises(UsageError, match=r"head\.weight is divided among processes"):
        follow(data, tmp_path).check(divided)
    with pytest.raises(UsageError, match="is no model"):
        follow(data, tmp_path).check(3)
    with pytest.raises(UsageError, match="returned int"):
        follow(data, tmp_path).check(lambda: 3)
    assert not (tmp_path / "trajectory.csv").exists()


def test_the_first_failure_raises(data, tmp_path):
    net = Net()
    with torch.no_grad():
        net.conv[0].weight.fill_(float("nan"))
    with pytest.raises(InputError, match="nan"):
        follow(data, tmp_path)(net, 0)


def test_later_failures_warn_and_training_goes_on(data, tmp_path):
    net = Net()
    alignment = follow(data, tmp_path, name="run")
    alignment(net, 0)
    good = {key: value.clone() for key, value in net.state_dict().items()}
    with torch.no_grad():
        net.conv[0].weight.fill_(float("nan"))
    with pytest.warns(HeschlWarning, match=r"run: step 2 could not be measured \(Input.*nan"):
        assert alignment(net, 2, 1.0) is None
    net.load_state_dict(good)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert alignment(net, 4, 1.0) is not None
    found = read_trajectory(tmp_path)
    assert found.steps == (0, 4)
    assert [one["step"] for one in found.provenance["failures"]] == [2]
    assert alignment.failures == found.provenance["failures"]
    assert follow(data, tmp_path, name="run").failures == alignment.failures  # when it goes on
    assert list(found.losses["step"]) == [2, 4]


def test_a_full_disk_does_not_end_a_training(data, tmp_path, monkeypatch):
    alignment = follow(data, tmp_path, name="run")
    net = Net()
    alignment(net, 0)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(following_module, "append_scores", full)
    monkeypatch.setattr(following_module, "write_header", full)
    with pytest.warns(HeschlWarning, match="No space left"):
        alignment(net, 2, 1.0)
    monkeypatch.undo()
    alignment(net, 4, 2.0)
    assert read_trajectory(tmp_path).steps == (0, 4)
    assert list(read_trajectory(tmp_path).losses["loss"]) == [1.0, 2.0]


def test_tensorboard_has_the_same_numbers(data, tmp_path):
    pytest.importorskip("tensorboard.compat.proto.event_pb2")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with follow(data, tmp_path, tensorboard=True, metrics=None) as alignment:
        train(alignment, steps=2)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    found = read_trajectory(tmp_path)
    scores = found.scores.set_index(["metric", "layer", "target", "step"])["value"]
    for tag, key in (
        ("parts/rsa/auditory_cortex/protocol", ("rsa", "", "all")),
        ("parts/rsa/auditory_cortex/conv.0", ("rsa", "conv.0", "all")),
        ("parts/regression/part1/protocol", ("regression", "", "part1")),
    ):
        shown = {event.step: event.value for event in events.Scalars(tag)}
        assert shown == {step: pytest.approx(scores[(*key, step)], rel=1e-5) for step in (0, 2)}
    losses = [event.value for event in events.Scalars("training/loss")]
    assert losses == pytest.approx(list(found.losses["loss"]), rel=1e-5)


def test_tensorboard_is_optional(data, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingDependencyError, match="tensorboard, which is not installed"):
        follow(data, tmp_path, tensorboard=True)
